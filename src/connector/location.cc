#include "connector/location.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr const char* kHowTo = "write it as 'SCHEME:LOCATION?option=value#DATASET', for example 'qdrant-local:./qdrant#docs'";

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status Wrong(std::string_view what) { return MakeError(Category::usage, std::string(what), kHowTo); }

/// Where the authority of "//AUTHORITY/..." or "scheme://AUTHORITY/..." begins, npos where there is none.
size_t AuthorityBegin(std::string_view path) {
  if (path.starts_with("//")) return 2;
  const size_t at = path.find("://");
  if (at == std::string_view::npos || at == 0) return std::string_view::npos;
  const auto in_scheme = [](char c) { return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.'; };
  if (!IsAlpha(path[0]) || !std::all_of(path.begin(), path.begin() + static_cast<ptrdiff_t>(at), in_scheme)) return std::string_view::npos;
  return at + 3;
}

/// The parts of a path around its user info: `before` ends with "//", `rest` begins with the host.
struct Authority {
  std::string_view before, user_info, host, rest;
  bool has_user_info = false;
};

Authority SplitAuthority(std::string_view path) {
  Authority parts;
  const size_t begin = AuthorityBegin(path);
  if (begin == std::string_view::npos) {
    parts.rest = path;
    return parts;
  }
  parts.before = path.substr(0, begin);
  std::string_view authority = path.substr(begin, path.find('/', begin) - begin);
  parts.rest = path.substr(begin + authority.size());
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user_info = true;
    parts.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  parts.host = authority;
  return parts;
}

/// What follows the host's ':' must be a port. Anything else is most likely a password with a '/', '?' or '#' in it:
/// it is refused here, before it can be taken for a host and shown.
Status CheckHost(std::string_view hosts) {
  while (!hosts.empty()) {
    std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    if (host.starts_with('[')) {
      const size_t end = host.find(']');
      if (end == std::string_view::npos) return Wrong("the IPv6 address has no closing bracket");
      host.remove_prefix(end);
    } else if (std::count(host.begin(), host.end(), ':') > 1) {
      return MakeError(Category::usage, "a host with several ':' is no host name",
                       "write an IPv6 address in brackets: //[::1]:6334");
    }
    const size_t colon = host.find(':');
    const std::string_view port = colon == std::string_view::npos ? "" : host.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), IsDigit) || port.size() > 5) {
      return MakeError(Category::usage, "what follows the ':' after the host is not a port",
                       "a '/', '?', '#' or '@' in a password is written %2F, %3F, %23, %40; better, give the password "
                       "in the environment");
    }
  }
  return Status::OK();
}

Status ParsePath(std::string_view raw, Location* location) {
  const Authority parts = SplitAuthority(raw);
  ARROW_RETURN_NOT_OK(CheckHost(parts.host));
  const std::string host = PercentDecode(parts.host);
  ARROW_RETURN_NOT_OK(CheckHost(host));
  location->path = PercentDecode(parts.before);
  if (parts.has_user_info) {
    location->path += PercentEncode(parts.user_info, "%:!$&'()*+,;=@") + "@";
    location->had_secret |= parts.user_info.find(':') != std::string_view::npos;
  }
  location->path += host + PercentDecode(parts.rest);
  // What was encoded must not name a host, or another one, once it is decoded.
  const Authority decoded = SplitAuthority(location->path);
  if (decoded.has_user_info != parts.has_user_info || decoded.host != host || decoded.before.size() != parts.before.size()) {
    return Wrong("an encoded '/', ':' or '@' changes what the location's host is");
  }
  return Status::OK();
}

Status ParseOptions(std::string_view raw, Location* location) {
  while (!raw.empty()) {
    const std::string_view item = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(raw.size(), item.size() + 1));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Wrong("an option after '?' has no name or no value: it is written name=value");
    }
    const std::string name = PercentDecode(item.substr(0, equals));
    const bool fresh = location->options.emplace(name, PercentDecode(item.substr(equals + 1))).second;
    if (!fresh) return Wrong(fmt::format("the option '{}' is given twice", Printable(name, 200)));
    location->had_secret |= IsSecretName(name);
  }
  return Status::OK();
}

bool HasControl(std::string_view text) { return std::any_of(text.begin(), text.end(), IsControl); }

Status CheckDecoded(const Location& location) {
  std::vector<std::string_view> parts = {location.path, location.dataset};
  for (const auto& [name, value] : location.options) parts.insert(parts.end(), {name, value});
  for (const auto part : parts) {
    if (HasControl(part)) return Wrong("a control character is not allowed in a URI");
    if (!IsValidUtf8(part)) return Wrong("a URI must be valid UTF-8");
  }
  return Status::OK();
}

std::string MaskedPath(std::string_view path) {
  constexpr std::string_view kKeep = "/:@[],+=~!$*'();&";
  const Authority parts = SplitAuthority(path);
  std::string text = PercentEncode(parts.before, kKeep);
  if (parts.has_user_info) {
    const size_t colon = parts.user_info.find(':');
    text += parts.user_info.substr(0, colon);
    text += colon == std::string_view::npos ? "@" : ":***@";
  }
  return text + PercentEncode(parts.host, kKeep) + PercentEncode(parts.rest, kKeep);
}

}  // namespace

std::string SchemeOf(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 2 || !IsAlpha(text[0])) return {};
  const auto allowed = [](char c) { return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.' || c == '_'; };
  if (!std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(colon), allowed)) return {};
  return ToLower(text.substr(0, colon));
}

Result<Location> ParseLocation(std::string_view text) {
  if (HasControl(text)) return Wrong("a control character is not allowed in a URI");
  Location location;
  location.scheme = SchemeOf(text);
  if (location.scheme.empty()) return Wrong("a URI begins with a scheme and ':'");
  text.remove_prefix(location.scheme.size() + 1);
  if (const size_t hash = text.rfind('#'); hash != std::string_view::npos) {
    location.dataset = PercentDecode(text.substr(hash + 1));
    text = text.substr(0, hash);
  }
  if (const size_t question = text.find('?'); question != std::string_view::npos) {
    ARROW_RETURN_NOT_OK(ParseOptions(text.substr(question + 1), &location));
    text = text.substr(0, question);
  }
  ARROW_RETURN_NOT_OK(ParsePath(text, &location));
  ARROW_RETURN_NOT_OK(CheckDecoded(location));
  return location;
}

std::string Location::Display() const {
  std::string text = (alias.empty() ? scheme : alias) + ":" + MaskedPath(path);
  char separator = '?';
  for (const auto& [name, value] : options) {
    text += separator + PercentEncode(name) + "=" + (IsSecretName(name) ? "***" : PercentEncode(value, "/:,@*"));
    separator = '&';
  }
  if (!dataset.empty()) text += "#" + PercentEncode(dataset, "/:,@*?[]!$'();&=+");
  return text;
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

std::string PercentEncode(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved || keep.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool IsSecretName(std::string_view option) {
  std::string name = ToLower(option);
  // Where a credential is to be found is none itself.
  for (const char* place : {"-file", "_file", "-env", "_env"}) {
    if (name.ends_with(place)) return false;
  }
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '_' || c == '.'; }), name.end());
  static constexpr std::array kMarks = {"password", "passwd", "pwd", "secret", "token", "apikey", "accesskey", "credential", "bearer"};
  return std::any_of(kMarks.begin(), kMarks.end(), [&](const char* mark) { return name.find(mark) != std::string::npos; });
}

}  // namespace vecferry
