#include "connectors/qdrant_local/point_pickle.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace vecferry::qdrant_local {
namespace {

/// SHORT_BINUNICODE of a constant.
std::string ShortText(std::string_view text) {
  std::string out;
  AppendText(text, &out);
  return out;
}

/// STACK_GLOBAL, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, MARK, '__dict__', EMPTY_DICT, MARK.
std::string ClassHead(std::string_view name) {
  return ShortText("qdrant_client.http.models.models") + ShortText(name) + "\x93)\x81}(" + ShortText("__dict__") + "}(";
}

/// SETITEMS of the fields, the state of both pydantic generations, SETITEMS, BUILD.
std::string ClassTail(const std::vector<std::string_view>& fields) {
  std::string set = "\x8f(";
  for (const auto field : fields) set += ShortText(field);
  set += '\x90';
  return "u" + ShortText("__fields_set__") + set + ShortText("__private_attribute_values__") + "}" +
         ShortText("__pydantic_extra__") + "N" + ShortText("__pydantic_fields_set__") + set +
         ShortText("__pydantic_private__") + "N" + "ub";
}

}  // namespace

void BeginPoint(std::string* out) {
  static const std::string kHead = "\x80\x04" + ClassHead("PointStruct") + ShortText("id");
  *out += kHead;
}
void BeforeVector(std::string* out) {
  static const std::string kKey = ShortText("vector");
  *out += kKey;
}
void BeforePayload(std::string* out) {
  static const std::string kKey = ShortText("payload");
  *out += kKey;
}
void EndPoint(std::string* out) {
  static const std::string kTail = ClassTail({"id", "vector", "payload"}) + ".";
  *out += kTail;
}

void AppendSparse(const uint32_t* indices, const float* values, size_t n, std::string* out) {
  static const std::string kHead = ClassHead("SparseVector") + ShortText("indices") + "](";
  static const std::string kValues = "e" + ShortText("values");
  static const std::string kTail = ClassTail({"indices", "values"});
  *out += kHead;
  if (std::is_sorted(indices, indices + n)) {
    for (size_t i = 0; i < n; ++i) AppendUnsigned(indices[i], out);
    *out += kValues;
    AppendFloats(values, n, out);
  } else {
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return indices[a] < indices[b]; });
    std::vector<float> sorted;
    for (const size_t i : order) {
      AppendUnsigned(indices[i], out);
      sorted.push_back(values[i]);
    }
    *out += kValues;
    AppendFloats(sorted.data(), n, out);
  }
  *out += kTail;
}

}  // namespace vecferry::qdrant_local
