#include "report/text.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"

namespace vecferry {

std::string EscapeMarkup(std::string_view text, size_t most_bytes) {
  std::string out;
  const std::string printable = Printable(text, most_bytes);
  for (size_t i = 0; i < printable.size(); ++i) {
    const char c = printable[i];
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: {
        // U+FFFE and U+FFFF are UTF-8, and no characters of XML.
        const bool no_character = printable.compare(i, 2, "\xef\xbf") == 0 && i + 2 < printable.size() && static_cast<unsigned char>(printable[i + 2]) >= 0xbe;
        if (no_character) {
          out += fmt::format("\\xEF\\xBF\\x{:02X}", static_cast<unsigned char>(printable[i + 2]));
          i += 2;
        } else {
          out += c;
        }
      }
    }
  }
  return out;
}

std::string SafeInScript(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 16);
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (json.compare(i, 2, "\xe2\x80") == 0 && i + 2 < json.size() && (json[i + 2] == '\xa8' || json[i + 2] == '\xa9')) {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

std::string UtcText(double epoch_seconds) {
  if (epoch_seconds <= 0) return "";
  std::string text = FormatUtc(epoch_seconds, false);
  if (const auto t = text.find('T'); t != std::string::npos) text[t] = ' ';
  if (text.ends_with('Z')) text.pop_back();
  return text + " UTC";
}

std::string ShortSeconds(double seconds) {
  if (seconds < 0.01) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  return FormatDuration(seconds);
}

}  // namespace vecferry
