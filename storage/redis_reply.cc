#include "storage/redis_reply.h"

#include <hiredis/hiredis.h>

namespace rampart::storage {
namespace {

// Puts the new object where its parent expects it. Null tells hiredis to give up, with an error.
RedisReply* attach(const redisReadTask* task, std::unique_ptr<RedisReply> reply) {
  RedisReply* raw = reply.get();
  if (task->parent == nullptr) return reply.release();
  auto* parent = static_cast<RedisReply*>(task->parent->obj);
  parent->items[static_cast<std::size_t>(task->idx)] = std::move(reply);
  return raw;
}

void* create_text(const redisReadTask* task, char* text, std::size_t length) {
  auto reply = std::make_unique<RedisReply>();
  reply->type = task->type == REDIS_REPLY_ERROR    ? RedisReply::Type::kError
                : task->type == REDIS_REPLY_STATUS ? RedisReply::Type::kStatus
                                                   : RedisReply::Type::kText;
  reply->text.assign(text, length);
  return attach(task, std::move(reply));
}

// The count's type differs between versions of hiredis.
template <class Count>
void* create_array(const redisReadTask* task, Count count) {
  if (count < 0 || static_cast<std::size_t>(count) > RedisReplyReader::kItemsMax) return nullptr;
  auto reply = std::make_unique<RedisReply>();
  reply->type = RedisReply::Type::kArray;
  reply->items.resize(static_cast<std::size_t>(count));
  return attach(task, std::move(reply));
}

void* create_integer(const redisReadTask* task, long long value) {
  auto reply = std::make_unique<RedisReply>();
  reply->type = RedisReply::Type::kInteger;
  reply->integer = value;
  return attach(task, std::move(reply));
}

void* create_nil(const redisReadTask* task) { return attach(task, std::make_unique<RedisReply>()); }

void free_reply(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions& functions() {
  static redisReplyObjectFunctions all = [] {
    redisReplyObjectFunctions f{};
    f.createString = create_text;
    f.createArray = create_array;
    f.createInteger = create_integer;
    f.createNil = create_nil;
    f.freeObject = free_reply;
    return f;
  }();
  return all;
}

}  // namespace

void append_command(std::string& out, std::span<const std::string_view> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (const auto word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* formatted = nullptr;
  const auto length = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), texts.data(), lengths.data());
  if (length > 0) out.append(formatted, static_cast<std::size_t>(length));
  redisFreeCommand(formatted);
}

RedisReplyReader::RedisReplyReader() : reader_(redisReaderCreateWithFunctions(&functions())) {}
RedisReplyReader::~RedisReplyReader() { redisReaderFree(reader_); }

base::Status RedisReplyReader::feed(base::ByteView octets) {
  unread_ += octets.size();
  if (unread_ > kReplyBytesMax) return base::Error{"a reply of more than " + std::to_string(kReplyBytesMax) + " octets"};
  if (redisReaderFeed(reader_, reinterpret_cast<const char*>(octets.data()), octets.size()) != REDIS_OK)
    return base::Error{std::string("bad protocol: ") + reader_->errstr};
  return base::Done{};
}

base::Result<std::unique_ptr<RedisReply>, std::string> RedisReplyReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(reader_, &reply) != REDIS_OK) return base::Error{std::string("bad protocol: ") + reader_->errstr};
  if (reply != nullptr) unread_ = reader_->len - reader_->pos;
  return std::unique_ptr<RedisReply>(static_cast<RedisReply*>(reply));
}

}  // namespace rampart::storage
