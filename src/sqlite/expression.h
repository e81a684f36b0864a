#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sqlite/db.h"

namespace vecferry::sqlite {

/// A value of an expression. Text must live until the next call that gives a value.
struct Value {
  Type type = Type::null;
  int64_t integer = 0;
  double real = 0;
  std::string_view text;

  static Value Of(int64_t value) { return {Type::integer, value, 0, {}}; }
  static Value Of(double value) { return {Type::real, 0, value, {}}; }
  static Value Of(std::string_view value) { return {Type::text, 0, 0, value}; }
};

/// What an expression is evaluated over: rows of named columns, handed over when they are asked for.
class ExpressionRows {
 public:
  virtual ~ExpressionRows() = default;
  virtual int64_t count() const = 0;
  virtual Status MoveTo(int64_t row) = 0;
  virtual Value At(int column) = 0;
};

/// A function that expressions may call, besides SQLite's own that are allowed. A failure fails the row.
struct ExpressionFunction {
  std::string name;
  int arguments = 1;
  std::function<Status(const std::vector<Value>& arguments, Value* result)> call;
  bool of_row = false;   ///< the answer depends on the row too
};

enum class Verdict : uint8_t { no, yes, failed };

/// One SQL expression in SQLite's language over columns of the caller's, compiled once. It sees nothing else: no table, no subquery, no
/// parameter, and of the functions only those that give the same for the same arguments. Columns have no affinity: 1 and '1' differ.
/// Not for use by two threads at once.
class Expression {
 public:
  static constexpr size_t kMostBytes = 1 << 20;
  static constexpr size_t kMostColumns = 1000;

  /// Category::usage, with SQLite's own words, where it is no expression. Columns are told apart as SQL does, without regard to case.
  static Result<std::unique_ptr<Expression>> Compile(std::string_view sql, std::vector<std::string> columns, std::vector<ExpressionFunction> functions);
  ~Expression();
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  /// Positions of the columns that it reads, ascending.
  const std::vector<int>& used() const;
  /// Of each row whether the expression is true; NULL is not. `why`, if given, gets the failure of each row that failed, in order.
  Status Evaluate(ExpressionRows& rows, std::vector<Verdict>* verdicts, std::vector<Status>* why);

 private:
  struct Impl;
  explicit Expression(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::sqlite
