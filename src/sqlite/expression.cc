#include "sqlite/expression.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/text.h"

namespace vecferry::sqlite {
namespace {

constexpr int kMostTextBytes = 64 << 20;
constexpr int kMostOperations = 4'000'000;
constexpr std::string_view kTable = "record";

/// SQLite's functions that give the same for the same arguments, keep within the limits and reach nothing.
constexpr std::array<std::string_view, 37> kAllowed = {
    "abs", "coalesce", "ifnull", "nullif", "iif", "length", "lower", "upper", "trim", "ltrim", "rtrim", "substr", "substring", "instr", "replace", "like",
    "glob", "round", "min", "max", "typeof", "sign", "unicode", "char", "hex", "quote", "likely", "unlikely", "json_array_length", "json_extract", "json_type",
    "json_valid", "->", "->>", "ceil", "floor", "trunc"};

Value FromSqlite(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return Value::Of(static_cast<int64_t>(sqlite3_value_int64(value)));
    case SQLITE_FLOAT: return Value::Of(sqlite3_value_double(value));
    case SQLITE_NULL: return {};
    default: break;
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (!text) return {};
  return Value::Of(std::string_view(text, static_cast<size_t>(sqlite3_value_bytes(value))));
}

void Give(sqlite3_context* context, const Value& value) {
  switch (value.type) {
    case Type::integer: return sqlite3_result_int64(context, value.integer);
    case Type::real: return sqlite3_result_double(context, value.real);
    case Type::text:
    case Type::blob: return sqlite3_result_text64(context, value.text.data() ? value.text.data() : "", value.text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    case Type::null: return sqlite3_result_null(context);
  }
}

}  // namespace

struct Expression::Impl {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::vector<std::string> columns;
  std::vector<ExpressionFunction> functions;
  std::vector<std::pair<Impl*, size_t>> contexts;   ///< what each function is registered with
  std::vector<int> used;
  int selects = 0;
  std::string denied;             ///< function that was asked for and is not there
  ExpressionRows* rows = nullptr;
  int64_t first = 0;              ///< row that the next run of the statement begins with
  int64_t at = 0;                 ///< row that it is at
  Status failure;                 ///< of a row or a function, more telling than SQLite's own words

  ~Impl() {
    sqlite3_finalize(statement);
    sqlite3_close_v2(db);
  }

  Status Open() {
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) return ErrorOf(db, "cannot begin");
    sqlite3_extended_result_codes(db, 1);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    // A word in double quotes is a name, never a text: a field that is missing would become its own name.
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, kMostTextBytes);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kMostBytes) + 4096);
    sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, kMostOperations);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    contexts.reserve(functions.size());
    for (size_t i = 0; i < functions.size(); ++i) {
      contexts.emplace_back(this, i);
      const int code = sqlite3_create_function_v2(db, functions[i].name.c_str(), functions[i].arguments,
                                                  SQLITE_UTF8 | SQLITE_DIRECTONLY | (functions[i].of_row ? 0 : SQLITE_DETERMINISTIC), &contexts.back(),
                                                  &Call, nullptr, nullptr, nullptr);
      if (code != SQLITE_OK) return ErrorOf(db, "cannot add a function");
    }
    if (sqlite3_create_module_v2(db, "vecferry_record", Module(), this, nullptr) != SQLITE_OK) return ErrorOf(db, "cannot add a module");
    const std::string create = fmt::format("CREATE VIRTUAL TABLE temp.{} USING vecferry_record", kTable);
    if (sqlite3_exec(db, create.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return ErrorOf(db, "cannot name the columns");
    sqlite3_set_authorizer(db, &Authorize, this);
    return Status::OK();
  }

  Status Prepare(std::string_view sql) {
    // The line break ends a comment that the expression may end with.
    const std::string text = fmt::format("SELECT ({}\n) IS TRUE FROM temp.{}", sql, kTable);
    const char* tail = nullptr;
    const int code = sqlite3_prepare_v2(db, text.data(), static_cast<int>(text.size()), &statement, &tail);
    if (code != SQLITE_OK) {
      const std::string what = !denied.empty() ? fmt::format("there is no {}", denied) : sqlite3_errmsg(db);
      return MakeError(Category::usage, Printable(what, 300));
    }
    const bool whole = tail == text.data() + text.size() && sqlite3_column_count(statement) == 1 && sqlite3_bind_parameter_count(statement) == 0;
    return whole ? Status::OK() : MakeError(Category::usage, "it is not one expression");
  }

  static int Authorize(void* self, int action, const char* first, const char* second, const char*, const char*) {
    Impl& impl = *static_cast<Impl*>(self);
    if (action == SQLITE_SELECT) {
      if (impl.selects++ == 0) return SQLITE_OK;
      impl.denied = "SELECT in an expression";
      return SQLITE_DENY;
    }
    if (action == SQLITE_READ && first && kTable == first && second) {
      const auto found = std::find_if(impl.columns.begin(), impl.columns.end(), [&](const std::string& name) { return sqlite3_stricmp(name.c_str(), second) == 0; });
      if (found != impl.columns.end()) impl.used.push_back(static_cast<int>(found - impl.columns.begin()));
      return SQLITE_OK;
    }
    if (action == SQLITE_FUNCTION && second) {
      const std::string name = ToLower(second);
      const bool own = std::any_of(impl.functions.begin(), impl.functions.end(), [&](const auto& function) { return function.name == name; });
      if (own || std::find(kAllowed.begin(), kAllowed.end(), name) != kAllowed.end()) return SQLITE_OK;
      impl.denied = "function " + Printable(name, 100);
      return SQLITE_DENY;
    }
    if (impl.denied.empty()) impl.denied = first ? "table " + Printable(first, 100) : "such thing";
    return SQLITE_DENY;
  }

  void Fail(sqlite3_context* context, const Status& status) {
    failure = status;
    sqlite3_result_error(context, status.message().c_str(), -1);
  }

  static void Call(sqlite3_context* context, int count, sqlite3_value** arguments) {
    const auto* of = static_cast<std::pair<Impl*, size_t>*>(sqlite3_user_data(context));
    std::vector<Value> values;
    for (int i = 0; i < count; ++i) values.push_back(FromSqlite(arguments[i]));
    Value result;
    const Status status = of->first->functions[of->second].call(values, &result);
    if (status.ok()) Give(context, result);
    else of->first->Fail(context, status);
  }

  // ---- the virtual table over the caller's rows ----

  struct Table {
    sqlite3_vtab base;
    Impl* owner;
  };
  struct Cursor {
    sqlite3_vtab_cursor base;
  };
  static Impl& Owner(sqlite3_vtab_cursor* cursor) { return *reinterpret_cast<Table*>(cursor->pVtab)->owner; }

  static int Connect(sqlite3* db, void* self, int, const char* const*, sqlite3_vtab** out, char**) {
    Impl& impl = *static_cast<Impl*>(self);
    std::string schema = "CREATE TABLE x(";
    for (size_t i = 0; i < impl.columns.size(); ++i) schema += (i ? "," : "") + QuoteName(impl.columns[i]);
    const int code = sqlite3_declare_vtab(db, (schema + ")").c_str());
    if (code != SQLITE_OK) return code;
    *out = reinterpret_cast<sqlite3_vtab*>(new Table{{}, &impl});
    return SQLITE_OK;
  }
  static int Disconnect(sqlite3_vtab* table) {
    delete reinterpret_cast<Table*>(table);
    return SQLITE_OK;
  }
  static int BestIndex(sqlite3_vtab*, sqlite3_index_info* info) {
    info->estimatedCost = 1;
    return SQLITE_OK;
  }
  static int OpenCursor(sqlite3_vtab*, sqlite3_vtab_cursor** out) {
    *out = reinterpret_cast<sqlite3_vtab_cursor*>(new Cursor{});
    return SQLITE_OK;
  }
  static int CloseCursor(sqlite3_vtab_cursor* cursor) {
    delete reinterpret_cast<Cursor*>(cursor);
    return SQLITE_OK;
  }
  int MoveTo(int64_t row) {
    at = row;
    if (row >= rows->count()) return SQLITE_OK;
    const Status status = rows->MoveTo(row);
    if (status.ok()) return SQLITE_OK;
    failure = status;
    return SQLITE_ERROR;
  }
  static int Filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) { return Owner(cursor).MoveTo(Owner(cursor).first); }
  static int Next(sqlite3_vtab_cursor* cursor) { return Owner(cursor).MoveTo(Owner(cursor).at + 1); }
  static int Eof(sqlite3_vtab_cursor* cursor) { return Owner(cursor).at >= Owner(cursor).rows->count(); }
  static int Column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
    Give(context, Owner(cursor).rows->At(column));
    return SQLITE_OK;
  }
  static int Rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
    *id = Owner(cursor).at;
    return SQLITE_OK;
  }

  static const sqlite3_module* Module() {
    static const sqlite3_module module = [] {
      sqlite3_module m{};
      m.xCreate = m.xConnect = &Connect;
      m.xBestIndex = &BestIndex;
      m.xDisconnect = m.xDestroy = &Disconnect;
      m.xOpen = &OpenCursor;
      m.xClose = &CloseCursor;
      m.xFilter = &Filter;
      m.xNext = &Next;
      m.xEof = &Eof;
      m.xColumn = &Column;
      m.xRowid = &Rowid;
      return m;
    }();
    return &module;
  }

  /// Runs the statement from row `first` to the end or to the first row that fails.
  Status Run(std::vector<Verdict>* verdicts, std::vector<Status>* why) {
    const auto count = static_cast<size_t>(rows->count());
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) verdicts->push_back(sqlite3_column_int(statement, 0) ? Verdict::yes : Verdict::no);
    if (code != SQLITE_DONE) {
      // Out of memory is nobody's record's fault.
      if ((code & 0xFF) == SQLITE_NOMEM) return ErrorOf(db, "an expression failed");
      const Status status = failure.ok() ? MakeError(Category::bad_content, Printable(sqlite3_errmsg(db), 300)) : failure;
      if (verdicts->size() < count) {
        verdicts->push_back(Verdict::failed);
        if (why) why->push_back(status);
      }
    }
    sqlite3_reset(statement);
    return Status::OK();
  }
};

Expression::Expression(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Expression::~Expression() = default;

Result<std::unique_ptr<Expression>> Expression::Compile(std::string_view sql, std::vector<std::string> columns, std::vector<ExpressionFunction> functions) {
  if (sql.size() > kMostBytes) return MakeError(Category::usage, fmt::format("an expression has {} bytes at most", kMostBytes));
  if (columns.size() > kMostColumns) return MakeError(Category::usage, fmt::format("an expression names {} fields at most", kMostColumns));
  if (sql.find('\0') != sql.npos || !IsValidUtf8(sql)) return MakeError(Category::usage, "an expression is UTF-8 text");
  auto impl = std::make_unique<Impl>();
  impl->columns = std::move(columns);
  impl->functions = std::move(functions);
  ARROW_RETURN_NOT_OK(impl->Open());
  ARROW_RETURN_NOT_OK(impl->Prepare(sql));
  std::sort(impl->used.begin(), impl->used.end());
  impl->used.erase(std::unique(impl->used.begin(), impl->used.end()), impl->used.end());
  return std::unique_ptr<Expression>(new Expression(std::move(impl)));
}

const std::vector<int>& Expression::used() const { return impl_->used; }

Status Expression::Evaluate(ExpressionRows& rows, std::vector<Verdict>* verdicts, std::vector<Status>* why) {
  verdicts->clear();
  impl_->rows = &rows;
  while (static_cast<int64_t>(verdicts->size()) < rows.count()) {
    const size_t before = verdicts->size();
    impl_->first = static_cast<int64_t>(before);
    impl_->failure = Status::OK();
    ARROW_RETURN_NOT_OK(impl_->Run(verdicts, why));
    if (verdicts->size() == before) return MakeError(Category::internal, "an expression gave no answer");
  }
  return Status::OK();
}

}  // namespace vecferry::sqlite
