#include "options/yaml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/text.h"

namespace vecferry {
namespace {

/// Thrown through the parser to stop it, and caught below.
struct Refusal {
  YAML::Mark mark;
  std::string what;
};

struct Size {
  size_t nodes = 0, bytes = 0;
};

Size SizeOf(const YamlNode& node) {
  Size size{1, node.text.size()};
  for (const auto* children : {&node.keys, &node.items}) {
    for (const auto& child : *children) {
      const Size below = SizeOf(child);
      size.nodes += below.nodes;
      size.bytes += below.bytes;
    }
  }
  return size;
}

int DepthOf(const YamlNode& node) {
  int depth = 0;
  for (const auto& child : node.items) depth = std::max(depth, DepthOf(child));
  return depth + 1;
}

/// Builds the tree from the parser's events.
class Builder : public YAML::EventHandler {
 public:
  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Take(Node(YamlNode::Kind::null, mark), anchor, mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    CheckTag(tag, "tag:yaml.org,2002:str", mark);
    YamlNode node = Node(YamlNode::Kind::scalar, mark);
    node.text = value;
    node.plain = tag == "?";
    Take(std::move(node), anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal{mark, "an alias stands inside of what it names"};
    if (static_cast<int>(frames_.size()) + DepthOf(found->second) > kMaxYamlDepth) throw Refusal{mark, TooDeep()};
    const Size size = SizeOf(found->second);
    Count(size, mark);
    YamlNode copy = found->second;
    Attach(std::move(copy), mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    CheckTag(tag, "tag:yaml.org,2002:seq", mark);
    Begin(YamlNode::Kind::list, anchor, mark);
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    CheckTag(tag, "tag:yaml.org,2002:map", mark);
    Begin(YamlNode::Kind::map, anchor, mark);
  }
  void OnMapEnd() override { End(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    YAML::Mark mark;
    std::set<std::string> seen;
  };

  static std::string TooDeep() { return fmt::format("it nests deeper than {} levels", kMaxYamlDepth); }

  static YamlNode Node(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  static void CheckTag(const std::string& tag, const char* own, const YAML::Mark& mark) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != own) throw Refusal{mark, "a tag that changes what a value is: only !!str is known"};
  }

  void Count(const Size& size, const YAML::Mark& mark) {
    total_.nodes += size.nodes;
    total_.bytes += size.bytes;
    if (total_.nodes > kMaxYamlNodes || total_.bytes > kMaxYamlText) throw Refusal{mark, "it is too large, with all that its aliases repeat"};
  }

  void Take(YamlNode node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    Count({1, node.text.size()}, mark);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Attach(std::move(node), mark);
  }

  void Begin(YamlNode::Kind kind, YAML::anchor_t anchor, const YAML::Mark& mark) {
    Count({1, 0}, mark);
    if (static_cast<int>(frames_.size()) >= kMaxYamlDepth) throw Refusal{mark, TooDeep()};
    if (!frames_.empty() && WantsKey(frames_.back().node)) throw Refusal{mark, "a key that is no plain text"};
    frames_.push_back({Node(kind, mark), anchor, mark, {}});
  }

  void End() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != YAML::NullAnchor) {
      // Kept besides the tree, so it counts once more.
      Count(SizeOf(frame.node), frame.mark);
      anchors_[frame.anchor] = frame.node;
    }
    Attach(std::move(frame.node), frame.mark);
  }

  static bool WantsKey(const YamlNode& node) { return node.kind == YamlNode::Kind::map && node.keys.size() == node.items.size(); }

  void Attach(YamlNode node, const YAML::Mark& mark) {
    if (frames_.empty()) {
      root = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (!WantsKey(frame.node)) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    if (node.kind != YamlNode::Kind::scalar) throw Refusal{mark, "a key that is no plain text"};
    if (!frame.seen.insert(node.text).second) throw Refusal{mark, fmt::format("the key '{}' stands twice", Printable(node.text, 100))};
    frame.node.keys.push_back(std::move(node));
  }

  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  Size total_;
};

Status Refused(std::string_view name, const YAML::Mark& mark, std::string_view what) {
  const std::string place = mark.line < 0 ? std::string(name) : fmt::format("{}:{}:{}", name, mark.line + 1, mark.column + 1);
  return MakeError(Category::usage, fmt::format("{}: {}", place, what), "correct the file");
}

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F; }

Result<YamlNode> ParseOneDocument(const std::string& text, std::string_view name) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder, next;
    parser.HandleNextDocument(builder);
    if (parser.HandleNextDocument(next)) return Refused(name, YAML::Mark::null_mark(), "it holds more than one document");
    return std::move(builder.root);
  } catch (const Refusal& refusal) {
    return Refused(name, refusal.mark, refusal.what);
  } catch (const YAML::Exception& error) {
    return Refused(name, error.mark, "no YAML: " + Printable(error.msg, 300));
  } catch (const std::exception& error) {
    return Refused(name, YAML::Mark::null_mark(), "no YAML: " + Printable(error.what(), 300));
  }
}

}  // namespace

Result<YamlNode> ParseYaml(std::string_view text, std::string_view name) {
  const YAML::Mark nowhere = YAML::Mark::null_mark();
  if (text.size() > kMaxYamlBytes) return Refused(name, nowhere, fmt::format("it is larger than {}", FormatBytes(kMaxYamlBytes)));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!IsValidUtf8(text)) return Refused(name, nowhere, "it is not UTF-8");
  // The parser takes one of them for the end of the file.
  if (std::any_of(text.begin(), text.end(), IsControl)) return Refused(name, nowhere, "a control character stands in it");
  return ParseOneDocument(std::string(text), name);
}

std::string PlaceOf(std::string_view name, const YamlNode& node) { return fmt::format("{}:{}:{}", name, node.line, node.column); }

std::string NumberText(const YamlNode& node, bool whole) {
  const std::string& text = node.text;
  if (node.kind != YamlNode::Kind::scalar || !node.plain || text.empty()) return text;
  const int base = text.starts_with("0x") ? 16 : text.starts_with("0o") ? 8 : 10;
  std::string_view digits = text;
  digits.remove_prefix(base != 10 ? 2 : text[0] == '+' ? 1 : 0);
  int64_t number = 0;
  const char* end = digits.data() + digits.size();
  if (const auto read = std::from_chars(digits.data(), end, number, base); read.ec == std::errc() && read.ptr == end && !(base != 10 && number < 0)) {
    return std::to_string(number);
  }
  double real = 0;
  const auto read = std::from_chars(digits.data(), end, real);
  const bool is_real = base == 10 && read.ec == std::errc() && read.ptr == end && std::isfinite(real);
  if (!is_real) return text;
  return whole && std::trunc(real) == real && std::fabs(real) < 9e15 ? std::to_string(static_cast<int64_t>(real)) : std::string(digits);
}

}  // namespace vecferry
