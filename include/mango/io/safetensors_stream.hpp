#pragma once
// The header of a safetensors file, byte by byte, as it can be given to a parser that keeps whole tokens in memory.
#include <algorithm>
#include <iterator>

#include "mango/io/bytes.hpp"

namespace mango::inline MANGO_ABI::detail {

// Which long strings matter where the parser is: none, keys, or keys and values.
enum class long_strings : std::uint8_t { none, keys, all };

// Reads through a window, so that a header of any size takes 16 KiB, and sees to what nlohmann/json does not: all of
// the header is UTF-8, also between tokens; it begins with its first token, and no NUL ends it. And since the parser
// stores a token while it reads it, no token is long, whatever the file has: white space becomes one space, digits that
// change nothing are left out, strings that nobody wants are cut, and those that somebody does come in pieces, each a
// member of its own: "key" as "k":0,"ey" and "value" as "val","":"ue".
class header_stream {
 public:
  header_stream(const byte_source& from, std::uint64_t bytes) : from_(&from), end_(begin + bytes) {}

  void expect(long_strings which) { wanted_ = which; }
  // whether what the parser has just read is not the end of its string, or stands between two pieces of it
  bool in_pieces() const { return *inserted_ != 0; }
  // whether it was ended early, for want of anything that a header has
  bool gave_up() const { return bare_ > longest; }
  std::string_view name() const { return from_->name(); }
  std::uint64_t position() const { return at_ - begin; }

  bool done() {
    while (!ready_ && !gave_up()) {
      if (*inserted_) ready_ = true, current_ = *inserted_++;
      else if (at_ == end_) return finish();
      else if (!(inside_ && split())) {
        current_ = take();
        ready_ = inside_ ? kept_inside(current_) : kept_outside(current_);
      }
    }
    return !ready_;
  }
  char current() { return done() ? '\0' : current_; }
  void advance() { ready_ = false; }

 private:
  static constexpr std::uint64_t begin = 8;
  static constexpr std::size_t longest = 1024;    // of a piece of a string, and of what comes between two strings
  static constexpr std::size_t most_digits = 21;  // one more than any number of 64 bits has

  [[noreturn]] void refuse(errc code, const char* sentence) const {
    raise(code, sentence, static_cast<long long>(end_ - begin), static_cast<long long>(position()), {}, quoted(name()));
  }

  bool finish() const {
    if (continuation_ > 0) refuse(errc::header_utf8, "{word}: its header of {expected} bytes ends within a character");
    return true;
  }

  char take() {
    if (at_ == filled_) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof window_, end_ - at_));
      from_->read(at_, std::as_writable_bytes(std::span(window_, n)));
      filled_ = at_ + n;
      shift_ = at_;
    }
    const char c = window_[at_++ - shift_];
    check_utf8(static_cast<unsigned char>(c));
    return c;
  }

  // Unicode 15, table 3-7
  void check_utf8(unsigned char c) {
    bool good = true;
    if (continuation_ > 0) {
      good = c >= low_ && c <= high_;
      --continuation_;
      low_ = 0x80, high_ = 0xbf;
    } else if (c >= 0x80) {
      continuation_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
      good = c >= 0xc2 && c <= 0xf4;
      low_ = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
      high_ = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    }
    if (!good) refuse(errc::header_utf8, "{word}: its header of {expected} bytes is not UTF-8 at byte {got}");
  }

  bool kept_outside(char c) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r', digit = c >= '0' && c <= '9';
    if (c == 0 || static_cast<unsigned char>(c) >= 0x80 || (space && position() == 1))
      refuse(errc::header_json, "{word}: its header of {expected} bytes is not JSON at byte {got}");
    const bool again = space && spaced_;
    spaced_ = space;
    if (digit) ++digits_;
    else if (c == 'e' || c == 'E')
      digits_ = most_digits - 2;  // larger exponents are no doubles, which it takes for errors
    else if (c != '+' && c != '-') digits_ = 0;
    if (again || digits_ > most_digits) return false;
    bare_ = digit || c == '"' ? 0 : bare_ + 1;
    if (c == '"') inside_ = true, cut_ = false, piece_ = 0;
    else if (!space) value_ = c == ':';
    if (space) current_ = ' ';
    return true;
  }

  bool kept_inside(char c) {
    const bool ends = c == '"' && escape_ == 0;
    follow_escape(c);
    ++piece_;
    if (ends) inside_ = spaced_ = false;
    return ends || !cut_;
  }
  // escape_: which byte of \uXXXX is next, 0 outside; pair_: half of a surrogate pair, so the other half must follow
  void follow_escape(char c) {
    const auto is_one_of = [c](std::string_view set) { return set.find(c) != set.npos; };
    if (escape_ == 0 && c != '\\') pair_ = false;
    if (escape_ == 2) pair_ = is_one_of("dD");
    if (escape_ == 3) pair_ = pair_ && is_one_of("89abAB");
    if (escape_ == 0) escape_ = c == '\\';
    else if (escape_ == 1) escape_ = c == 'u' ? 2 : 0;
    else escape_ = escape_ == 5 ? 0 : escape_ + 1;
  }

  // between two characters of a string that has become long: begins the next piece, or drops the rest
  bool split() {
    if (piece_ < longest || cut_ || escape_ != 0 || pair_ || continuation_ > 0) return false;
    piece_ = 0;
    cut_ = wanted_ == long_strings::none || (value_ && wanted_ == long_strings::keys);
    if (!cut_) inserted_ = value_ ? "\",\"\":\"" : "\":0,\"";
    return !cut_;
  }

  const byte_source* from_;
  std::uint64_t at_ = begin, end_, filled_ = begin, shift_ = begin;
  const char* inserted_ = "";
  std::size_t piece_ = 0, bare_ = 0, digits_ = 0;
  long_strings wanted_ = long_strings::none;
  int continuation_ = 0, escape_ = 0;
  unsigned char low_ = 0x80, high_ = 0xbf;
  bool ready_ = false, inside_ = false, value_ = false, spaced_ = false, cut_ = false, pair_ = false;
  char current_ = 0;
  char window_[16 * 1024];
};

// What the parser is given: bytes of a stream up to its end, which is the default one.
class header_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  header_iterator() = default;
  explicit header_iterator(header_stream& stream) : stream_(&stream) {}
  char operator*() const { return stream_->current(); }
  header_iterator& operator++() {
    stream_->advance();
    return *this;
  }
  friend bool operator==(const header_iterator& a, const header_iterator& b) { return a.ended() == b.ended(); }

 private:
  bool ended() const { return !stream_ || stream_->done(); }
  header_stream* stream_ = nullptr;
};

}  // namespace mango::inline MANGO_ABI::detail
