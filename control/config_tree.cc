#include "control/config_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>

namespace rampart::control {
namespace {

using MutableNode = std::shared_ptr<ConfigNode>;

/// Ends a parse from within yaml-cpp's calls, after the fault is recorded.
struct Abandoned {};

void count(ConfigNode& node) {
  node.size = 1;
  node.depth = 1;
  const auto add = [&](const ConfigNode& child) {
    node.size = std::min(node.size + child.size, kConfigNodesMax + 1);
    node.depth = std::max(node.depth, child.depth + 1);
  };
  for (const auto& item : node.items) add(*item);
  for (const auto& entry : node.entries) add(*entry.value);
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file_name, Findings& findings)
      : file_(std::make_shared<const std::string>(file_name)), findings_(findings) {}

  std::vector<ConfigNodePtr> documents;

  [[nodiscard]] Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 0, 0};
    return {file_, mark.line + 1, mark.column + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // At a stray comma yaml-cpp 0.7 gives out empty documents for ever, without reading on.
    if (mark.pos == last_start_) fail(place(mark), "is no valid YAML: this does not belong here");
    last_start_ = mark.pos;
    anchors_.clear();
    frames_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = start(mark, anchor, ConfigNode::Kind::kNull);
    finish(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = start(mark, anchor, ConfigNode::Kind::kScalar);
    node->text = value;
    node->is_plain = tag == "?";
    finish(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end() || is_open(known->second)) {
      fail(place(mark), "an alias stands inside the value that its anchor names; such a value has no end");
    }
    attach(known->second, place(mark));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(start(mark, anchor, ConfigNode::Kind::kList));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(start(mark, anchor, ConfigNode::Kind::kMap));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    MutableNode node;
    bool has_key = false;
    std::string key;
    Place key_place;
    bool key_is_merge = false;
    std::unordered_set<std::string> seen;
    std::vector<ConfigNodePtr> merged;  ///< values of `<<`
  };

  [[noreturn]] void fail(const Place& where, std::string message) {
    findings_.unread(where, "", std::move(message));
    throw Abandoned{};
  }

  MutableNode start(const YAML::Mark& mark, YAML::anchor_t anchor, ConfigNode::Kind kind) {
    auto node = std::make_shared<ConfigNode>();
    node->kind = kind;
    node->place = place(mark);
    if (anchor != 0) anchors_[anchor] = node;
    return node;
  }

  [[nodiscard]] bool is_open(const ConfigNodePtr& node) const {
    return std::any_of(frames_.begin(), frames_.end(), [&](const Frame& frame) { return frame.node == node; });
  }

  void open(MutableNode node) {
    if (frames_.size() >= kConfigDepthMax) {
      fail(node->place, "values are nested more than " + std::to_string(kConfigDepthMax) + " levels deep");
    }
    frames_.emplace_back();
    frames_.back().node = std::move(node);
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    take_over_merged(frame);
    finish(std::move(frame.node));
  }

  void finish(MutableNode node) {
    count(*node);
    const Place where = node->place;
    attach(std::move(node), where);
  }

  /// Puts a finished value into the list or map that is open, as its next item, key or value.
  void attach(ConfigNodePtr node, const Place& where) {
    if (frames_.size() + node->depth > kConfigDepthMax) {
      fail(where, "values are nested more than " + std::to_string(kConfigDepthMax) + " levels deep");
    }
    if (frames_.empty()) {
      if (node->size > kConfigNodesMax) too_large(where);
      if (!node->is_null()) documents.push_back(std::move(node));
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node->is_list()) {
      frame.node->items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, *node, where);
      return;
    } else {
      take_value(frame, std::move(node));
    }
    frame.node->size = std::min(frame.node->size + last_size_of(frame), kConfigNodesMax + 1);
    if (frame.node->size > kConfigNodesMax) too_large(where);
  }

  [[noreturn]] void too_large(const Place& where) {
    fail(where, "aliases blow the configuration up to more than " + std::to_string(kConfigNodesMax) +
                    " values; write them out, or put long lists into files");
  }

  static std::size_t last_size_of(const Frame& frame) {
    if (frame.node->is_list()) return frame.node->items.back()->size;
    return frame.node->entries.empty() ? 1 : frame.node->entries.back().value->size;
  }

  void take_key(Frame& frame, const ConfigNode& node, const Place& where) {
    frame.has_key = true;
    frame.key_place = where;
    frame.key_is_merge = node.is_scalar() && node.is_plain && node.text == "<<";
    if (node.is_scalar()) {
      frame.key = node.text;
    } else {
      findings_.unread(where, "", "a key must be a plain text, not " + describe(node));
      frame.key.clear();
    }
  }

  void take_value(Frame& frame, ConfigNodePtr node) {
    frame.has_key = false;
    if (frame.key_is_merge) {
      if (node->is_list()) {
        frame.merged.insert(frame.merged.end(), node->items.begin(), node->items.end());
      } else {
        frame.merged.push_back(std::move(node));
      }
      return;
    }
    if (!frame.seen.insert(frame.key).second) {
      const auto* first = findings_.is_full() ? nullptr : frame.node->find(frame.key);
      findings_.fault(frame.key_place, frame.key,
                      "is already set" + (first ? " in line " + std::to_string(first->place.line) : std::string()) +
                          "; remove one of the two");
      return;
    }
    frame.node->entries.push_back({std::move(frame.key), frame.key_place, std::move(node)});
    frame.key.clear();
  }

  /// `<<: *base`: entries of the base that are not given here; earlier bases win over later ones.
  void take_over_merged(Frame& frame) {
    for (const auto& base : frame.merged) {
      if (!base->is_map()) {
        findings_.unread(base->place, "<<", "must be a map or a list of maps, not " + describe(*base));
        continue;
      }
      merged_entries_ += base->entries.size();
      if (merged_entries_ > kConfigNodesMax) too_large(base->place);
      for (const auto& entry : base->entries) {
        if (frame.seen.insert(entry.key).second) frame.node->entries.push_back(entry);
      }
    }
    count(*frame.node);
    if (frame.node->size > kConfigNodesMax) too_large(frame.node->place);
  }

  const std::shared_ptr<const std::string> file_;
  Findings& findings_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, ConfigNodePtr> anchors_;
  int last_start_ = -1;
  std::size_t merged_entries_ = 0;  ///< looked at for `<<`, which costs the same whether they are new or not
};

}  // namespace

const ConfigNode::Entry* ConfigNode::find(std::string_view key) const noexcept {
  for (const auto& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull: return "nothing";
    case ConfigNode::Kind::kScalar: return "the value " + quoted(node.text);
    case ConfigNode::Kind::kList: return "a list";
    case ConfigNode::Kind::kMap: return "a map";
  }
  return {};
}

std::vector<ConfigNodePtr> parse_yaml(std::string_view text, const std::string& file_name, Findings& findings) {
  TreeBuilder builder(file_name, findings);
  if (text.size() > kConfigFileBytesMax) {
    findings.unread(builder.place(YAML::Mark::null_mark()), "", "is larger than 64 MiB; put long lists into files of their own");
    return {};
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abandoned&) {
  } catch (const YAML::Exception& exception) {
    findings.unread(builder.place(exception.mark), "", "is no valid YAML: " + exception.msg);
  }
  return std::move(builder.documents);
}

ConfigNodePtr merge(const ConfigNodePtr& earlier, const ConfigNodePtr& later) {
  if (!earlier->is_map() || !later->is_map()) return later;
  auto merged = std::make_shared<ConfigNode>(*earlier);
  for (const auto& entry : later->entries) {
    const auto same = std::find_if(merged->entries.begin(), merged->entries.end(),
                                   [&](const ConfigNode::Entry& e) { return e.key == entry.key; });
    if (same == merged->entries.end()) {
      merged->entries.push_back(entry);
    } else {
      *same = {entry.key, entry.place, merge(same->value, entry.value)};
    }
  }
  count(*merged);
  return merged;
}

}  // namespace rampart::control
