// Our reader of messages against c-ares, which was written by others: on honest messages both read the same; on
// damaged ones, whatever we accept c-ares accepts too, with the same content. We are the stricter of the two.
#include <ares.h>
#include <ares_nameser.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <functional>
#include <memory>

#include "dns/message_view.h"
#include "dns/presentation.h"
#include "tests/support/dns_messages.h"
#include "tests/support/seed.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::MessageBuilder;
using testing::pointer_to;
using testing::record;
using testing::test_seed;
using testing::u16;
using testing::u32;
using testing::wire_name;

class Random {
 public:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  std::uint8_t octet() { return static_cast<std::uint8_t>(engine_()); }
  /// 1 to 4 labels of letters; few enough that names share their ends.
  std::string name() {
    std::string text;
    for (std::size_t labels = 1 + below(3); labels > 0; --labels) {
      for (std::size_t i = 1 + below(6); i > 0; --i) text += static_cast<char>((below(4) ? 'a' : 'A') + below(3));
      text += '.';
    }
    return text + (below(2) ? "org" : "net");
  }

 private:
  std::mt19937_64 engine_{test_seed()};
};

struct AresFree {
  void operator()(char* p) const { ares_free_string(p); }
  void operator()(hostent* p) const { ares_free_hostent(p); }
};
template <class T>
struct AresFreeData {
  void operator()(T* p) const { ares_free_data(p); }
};

/// c-ares writes a label of the one octet 0 as that octet, where its C string then ends.
bool has_nul_label(base::ByteView name) {
  for (std::size_t at = 0; name[at] != 0; at += name[at] + std::size_t{1})
    if (name[at] == 1 && name[at + 1] == 0) return true;
  return false;
}

TEST(AgainstCares, NamesAtRandomPlacesOfRandomOctets) {
  Random random;
  std::size_t accepted = 0;
  for (int round = 0; round < 300000; ++round) {
    // Mostly short labels and pointers, so that many names are whole.
    Bytes message(12 + random.below(60));
    for (std::uint8_t& octet : message) {
      switch (random.below(6)) {
        case 0: octet = 0xc0; break;
        case 1: octet = static_cast<std::uint8_t>(random.below(message.size() + 2)); break;
        case 2: octet = 0; break;
        case 3: octet = random.octet(); break;
        default: octet = static_cast<std::uint8_t>(random.below(4)); break;
      }
    }
    const std::size_t start = 12 + random.below(message.size() - 11);
    if (start >= message.size()) continue;
    std::size_t offset = start;
    const auto ours = Name::read(message, offset);
    char* text = nullptr;
    long encoded = 0;
    const int status = ares_expand_name(message.data() + start, message.data(), static_cast<int>(message.size()), &text,
                                        &encoded);
    const std::unique_ptr<char, AresFree> owned(status == ARES_SUCCESS ? text : nullptr);
    if (!ours) {
      // Only our stricter rules may part us.
      if (ours.error() == NameError::kShort || ours.error() == NameError::kBadLabel) {
        ASSERT_NE(status, ARES_SUCCESS) << round;
      }
      continue;
    }
    ASSERT_EQ(status, ARES_SUCCESS) << round;
    ++accepted;
    EXPECT_EQ(static_cast<std::size_t>(encoded), offset - start) << round;
    // c-ares escapes other characters than we do: compare what the text means.
    if (has_nul_label(ours->wire())) continue;
    const auto theirs = Name::parse(*text == '\0' ? "." : text);
    ASSERT_TRUE(theirs) << text;
    ASSERT_TRUE(std::equal(theirs->wire().begin(), theirs->wire().end(), ours->wire().begin(), ours->wire().end()))
        << round << ' ' << text << " is not " << to_text(ours->view());
  }
  EXPECT_GT(accepted, 20000u) << "the generator makes too few valid names";
}

/// One answer section of records of one type below the question's name, with names compressed where possible.
struct Answers {
  Bytes wire;
  std::vector<std::uint32_t> ttls;
};

Bytes maybe_compressed(Random& random, const std::string& qname, const std::string& name) {
  switch (random.below(3)) {
    case 0: return pointer_to(12);
    case 1: {
      Bytes relative = wire_name(name);
      relative.pop_back();
      const std::size_t dot = qname.find('.');
      return relative + pointer_to(static_cast<unsigned>(12 + dot + 1));
    }
    default: return wire_name(name);
  }
}

Answers answers_of(Random& random, unsigned type, const std::function<Bytes(const std::string& qname)>& rdata) {
  const std::string qname = random.name();
  MessageBuilder builder;
  builder.flags(0x8180).question(wire_name(qname), type);
  Answers answers;
  for (std::size_t count = 1 + random.below(5); count > 0; --count) {
    answers.ttls.push_back(static_cast<std::uint32_t>(random.below(86400)));
    builder.answer(record(pointer_to(12), type, answers.ttls.back(), rdata(qname)));
  }
  answers.wire = builder.build();
  return answers;
}

/// The texts of all answers as we print them.
std::vector<std::string> our_texts(const Bytes& wire) {
  std::vector<std::string> texts;
  const auto message = MessageView::parse(wire);
  EXPECT_TRUE(message);
  if (message)
    message->for_each_record([&](const RecordView& rr) {
      texts.push_back(rdata_text(rr));
      return true;
    });
  return texts;
}

int length_of(const Bytes& wire) { return static_cast<int>(wire.size()); }
std::string fqdn(const char* name) { return *name == '\0' ? "." : std::string(name) + "."; }

TEST(AgainstCares, Addresses) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const bool is_v6 = random.below(2) != 0;
    const Answers answers = answers_of(random, is_v6 ? 28 : 1, [&](const std::string&) {
      Bytes address(is_v6 ? 16 : 4);
      for (std::uint8_t& octet : address) octet = random.below(3) ? random.octet() : 0;
      return address;
    });
    std::vector<std::string> theirs;
    std::vector<std::uint32_t> ttls;
    char text[INET6_ADDRSTRLEN];
    int count = 16;
    if (is_v6) {
      ares_addr6ttl found[16];
      ASSERT_EQ(ares_parse_aaaa_reply(answers.wire.data(), length_of(answers.wire), nullptr, found, &count), ARES_SUCCESS);
      for (int i = 0; i < count; ++i) {
        theirs.push_back(inet_ntop(AF_INET6, &found[i].ip6addr, text, sizeof text));
        ttls.push_back(static_cast<std::uint32_t>(found[i].ttl));
      }
    } else {
      ares_addrttl found[16];
      ASSERT_EQ(ares_parse_a_reply(answers.wire.data(), length_of(answers.wire), nullptr, found, &count), ARES_SUCCESS);
      for (int i = 0; i < count; ++i) {
        theirs.push_back(inet_ntop(AF_INET, &found[i].ipaddr, text, sizeof text));
        ttls.push_back(static_cast<std::uint32_t>(found[i].ttl));
      }
    }
    ASSERT_EQ(our_texts(answers.wire), theirs);
    ASSERT_EQ(answers.ttls, ttls);
  }
}

TEST(AgainstCares, Mx) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const Answers answers = answers_of(random, 15, [&](const std::string& qname) {
      return u16(static_cast<unsigned>(random.below(65536))) + maybe_compressed(random, qname, random.name());
    });
    ares_mx_reply* list = nullptr;
    ASSERT_EQ(ares_parse_mx_reply(answers.wire.data(), length_of(answers.wire), &list), ARES_SUCCESS);
    const std::unique_ptr<ares_mx_reply, AresFreeData<ares_mx_reply>> owned(list);
    std::vector<std::string> theirs;
    for (; list != nullptr; list = list->next) theirs.push_back(std::to_string(list->priority) + " " + fqdn(list->host));
    ASSERT_EQ(our_texts(answers.wire), theirs);
  }
}

TEST(AgainstCares, Srv) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const Answers answers = answers_of(random, 33, [&](const std::string& qname) {
      return u16(1) + u16(2) + u16(static_cast<unsigned>(random.below(65536))) +
             maybe_compressed(random, qname, random.name());
    });
    ares_srv_reply* list = nullptr;
    ASSERT_EQ(ares_parse_srv_reply(answers.wire.data(), length_of(answers.wire), &list), ARES_SUCCESS);
    const std::unique_ptr<ares_srv_reply, AresFreeData<ares_srv_reply>> owned(list);
    std::vector<std::string> theirs;
    for (; list != nullptr; list = list->next)
      theirs.push_back(std::to_string(list->priority) + " " + std::to_string(list->weight) + " " +
                       std::to_string(list->port) + " " + fqdn(list->host));
    ASSERT_EQ(our_texts(answers.wire), theirs);
  }
}

TEST(AgainstCares, Soa) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const std::string qname = random.name();
    Bytes numbers;
    for (int i = 0; i < 20; ++i) numbers.push_back(random.octet());
    const Bytes wire = MessageBuilder()
                           .flags(0x8180)
                           .question(wire_name(qname), 6)
                           .answer(record(pointer_to(12), 6, 60,
                                          maybe_compressed(random, qname, random.name()) +
                                              maybe_compressed(random, qname, random.name()) + numbers))
                           .build();
    ares_soa_reply* soa = nullptr;
    ASSERT_EQ(ares_parse_soa_reply(wire.data(), length_of(wire), &soa), ARES_SUCCESS);
    const std::unique_ptr<ares_soa_reply, AresFreeData<ares_soa_reply>> owned(soa);
    const std::string theirs = fqdn(soa->nsname) + " " + fqdn(soa->hostmaster) + " " + std::to_string(soa->serial) + " " +
                               std::to_string(soa->refresh) + " " + std::to_string(soa->retry) + " " +
                               std::to_string(soa->expire) + " " + std::to_string(soa->minttl);
    ASSERT_EQ(our_texts(wire), std::vector<std::string>{theirs});
  }
}

TEST(AgainstCares, Txt) {
  Random random;
  for (int round = 0; round < 3000; ++round) {
    const Answers answers = answers_of(random, 16, [&](const std::string&) {
      Bytes rdata;
      for (std::size_t strings = 1 + random.below(3); strings > 0; --strings) {
        const std::size_t length = random.below(30);
        rdata.push_back(static_cast<std::uint8_t>(length));
        for (std::size_t i = 0; i < length; ++i) rdata.push_back(static_cast<std::uint8_t>('a' + random.below(26)));
      }
      return rdata;
    });
    ares_txt_ext* list = nullptr;
    ASSERT_EQ(ares_parse_txt_reply_ext(answers.wire.data(), length_of(answers.wire), &list), ARES_SUCCESS);
    const std::unique_ptr<ares_txt_ext, AresFreeData<ares_txt_ext>> owned(list);
    std::vector<std::string> theirs;
    for (; list != nullptr; list = list->next) {
      const std::string text(reinterpret_cast<const char*>(list->txt), list->length);
      if (list->record_start) theirs.push_back("\"" + text + "\"");
      else theirs.back() += " \"" + text + "\"";
    }
    ASSERT_EQ(our_texts(answers.wire), theirs);
  }
}

// Damaged messages: what we take as whole, c-ares does not find malformed.
TEST(AgainstCares, WhateverWeAcceptOfDamagedMessagesTheyAcceptToo) {
  Random random;
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 60000; ++round) {
    Answers answers = answers_of(random, 15, [&](const std::string& qname) {
      return u16(10) + maybe_compressed(random, qname, random.name());
    });
    for (std::size_t edits = 1 + random.below(2); edits > 0; --edits)
      answers.wire[12 + random.below(answers.wire.size() - 12)] =
          random.below(3) ? random.octet() : static_cast<std::uint8_t>(random.below(64));
    const auto ours = MessageView::parse(answers.wire);
    if (!ours) {
      ++refused;
      continue;
    }
    ++accepted;
    ares_mx_reply* list = nullptr;
    const int status = ares_parse_mx_reply(answers.wire.data(), length_of(answers.wire), &list);
    const std::unique_ptr<ares_mx_reply, AresFreeData<ares_mx_reply>> owned(list);
    ASSERT_NE(status, ARES_EBADRESP) << round;
    std::vector<std::string> theirs;
    for (; list != nullptr; list = list->next) theirs.push_back(std::to_string(list->priority));
    std::vector<std::string> our_preferences;
    ours->for_each_record([&](const RecordView& rr) {
      if (rr.section == Section::kAnswer && rr.type == RrType::kMx && rr.rr_class == RrClass::kIn)
        our_preferences.push_back(std::to_string(base::load_u16(rr.rdata().data())));
      return true;
    });
    if (status == ARES_SUCCESS) {
      ASSERT_EQ(our_preferences, theirs) << round;
    }
  }
  EXPECT_GT(accepted, 5000u);
  EXPECT_GT(refused, 5000u);
}

}  // namespace
}  // namespace rampart::dns
