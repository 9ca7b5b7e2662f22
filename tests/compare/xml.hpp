#pragma once
// whether a text is well-formed XML, as far as our pages use it
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace xml {

/// Empty when `text` is well-formed: tags nest, attributes are quoted and unique, every & starts a known reference, and
/// nothing follows the root. Otherwise what is wrong, and where.
class checker {
 public:
  explicit checker(std::string_view text) : text_{text} {}

  std::string run() {
    while (at_ < text_.size() && wrong_.empty()) text_[at_] == '<' ? markup() : content();
    if (wrong_.empty() && !open_.empty()) fail("<" + open_.back() + "> is never closed");
    if (wrong_.empty() && roots_ != 1) fail("not exactly one root element");
    return wrong_;
  }

 private:
  void fail(const std::string& what) {
    wrong_ = what + " at " + std::to_string(at_) + ": " + std::string{text_.substr(at_ < 40 ? 0 : at_ - 40, 80)};
  }
  bool starts(std::string_view s) const { return text_.substr(at_).substr(0, s.size()) == s; }
  void content() {
    const char c = text_[at_];
    if (open_.empty() && !std::isspace(static_cast<unsigned char>(c))) return fail("text outside the root");
    if (c == '&') return reference();
    if (c == '>') return fail("a bare >");
    ++at_;
  }
  void reference() {
    for (const std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
      if (starts(known)) {
        at_ += known.size();
        return;
      }
    }
    fail("a bare &");
  }
  std::string name() {
    const auto begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  std::string_view{"-:_"}.find(text_[at_]) != std::string_view::npos))
      ++at_;
    if (begin == at_) fail("a name is missing");
    return std::string{text_.substr(begin, at_ - begin)};
  }
  void spaces() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  void markup() {
    if (starts("<!DOCTYPE")) {
      at_ = text_.find('>', at_) + 1;
      return;
    }
    if (starts("</")) {
      at_ += 2;
      const std::string closing = name();
      if (open_.empty() || open_.back() != closing) return fail("</" + closing + "> closes nothing");
      open_.pop_back();
      if (!starts(">")) return fail("> is missing");
      ++at_;
      return;
    }
    ++at_;
    const std::string tag = name();
    if (open_.empty()) ++roots_;
    attributes();
    if (!wrong_.empty()) return;
    if (starts("/>")) {
      at_ += 2;
    } else if (starts(">")) {
      ++at_;
      open_.push_back(tag);
      // Style sheets are raw text in HTML: up to their closing tag.
      if (tag == "style") at_ = text_.find("</style", at_);
    } else {
      fail("<" + tag + " does not end");
    }
  }
  void attributes() {
    std::vector<std::string> seen;
    for (spaces(); wrong_.empty() && !starts(">") && !starts("/>"); spaces()) {
      const std::string attribute = name();
      for (const auto& s : seen) {
        if (s == attribute) return fail("attribute " + attribute + " twice");
      }
      seen.push_back(attribute);
      if (!starts("=\"")) return fail("attribute " + attribute + " has no quoted value");
      for (at_ += 2; wrong_.empty() && !starts("\"");) {
        if (at_ >= text_.size() || text_[at_] == '<') return fail("attribute " + attribute + " does not end");
        text_[at_] == '&' ? reference() : void(++at_);
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0, roots_ = 0;
  std::vector<std::string> open_;
  std::string wrong_;
};

inline std::string problem(std::string_view text) { return checker{text}.run(); }

}  // namespace xml
