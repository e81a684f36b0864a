#pragma once
#include <functional>
#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "progress/lines.h"
#include "progress/rate.h"

namespace vecferry {

/// Columns of the terminal behind a file descriptor; 80 where it does not say.
int TerminalWidth(int fd);

/// For a terminal: one line, drawn again up to ten times a second, under the lines of what happens. Writes control
/// sequences (carriage return, erase to the end of the line), so only for a stream that is a terminal.
class BarListener final : public EventListener {
 public:
  struct Options {
    LineOptions lines;
    bool colour = true;                                ///< off with NO_COLOR
    std::function<int()> width = [] { return 80; };    ///< asked at each drawing: windows are resized
  };
  BarListener(std::ostream& out, Options options, const Clock& clock = Clock::System());
  /// Erases the line.
  ~BarListener() override;
  void On(const Event& event) override;

 private:
  void Erase();
  void Draw();
  std::string Text(int columns) const;

  std::ostream& out_;
  Options options_;
  const Clock& clock_;
  EventLines lines_;
  RateMeter rate_;
  Progress last_;
  bool active_ = false, drawn_ = false;
  Clock::Steady::time_point drawn_at_{};
};

}  // namespace vecferry
