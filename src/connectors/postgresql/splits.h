#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/client.h"
#include "connectors/postgresql/row_decoder.h"

namespace vecferry::postgresql {

/// A part of a dataset's rows, as it stands in Split::payload (JSON). Key ranges mean the same whenever they are read; ranges of places
/// mean something as long as no row moves.
struct Range {
  enum class Kind {
    key,    ///< lo < key <= hi, as texts of the key's columns; no bound where there is none
    nulls,  ///< rows whose key is null in some column
    place,  ///< pages lo <= page < hi of one of the tables that hold the rows
  };
  Kind kind = Kind::key;
  std::vector<std::string> key;                      ///< names of the key's columns
  std::optional<std::vector<std::string>> lo, hi;
  std::string schema, table;                         ///< of Kind::place
  int64_t first_page = 0, end_page = -1;             ///< -1: to the end of the table

  std::string ToText() const;
  /// Category::corrupt for a text that is none.
  static Result<Range> Parse(std::string_view text);
};

/// Where in its range a reader stands, as it is in a Cursor (JSON).
struct Position {
  std::vector<std::string> key;   ///< of the last row that was given
  int64_t same = 0;               ///< rows given with just that key, where keys may repeat; of Range::Kind::nulls: rows given
  std::string place;              ///< "(PAGE,ROW)" of the last row
  std::string tag;                ///< the snapshot that the place is of

  std::string ToText() const;
  static Result<Position> Parse(std::string_view text);
};

/// About `wanted` ranges that hold every row once. Asks the server for the key's quantiles: of all rows, or of a sample of a large table.
Result<std::vector<Split>> MakeSplits(Client& client, const TableShape& shape, int wanted);

/// `'text'::type` for each column of a key, in parentheses where there are several.
std::string KeyLiteral(const TableShape& shape, const std::vector<std::string>& texts);
/// The key's columns, in parentheses where there are several; for ORDER BY without.
std::string KeyColumns(const TableShape& shape, bool for_order = false);

/// The SELECT of a range's rows after a position, in the order of the key or of places.
std::string RangeSql(const TableShape& shape, const RowSelect& select, const Range& range, const Position& from);

}  // namespace vecferry::postgresql
