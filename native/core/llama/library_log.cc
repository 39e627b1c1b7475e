#include "core/llama/library_log.h"

#include <cstdio>
#include <mutex>

#include "ggml.h"
#include "llama.h"
#include "log.h"

namespace hearth {
namespace {

/** One static object that is never destroyed: a library thread may log while the process exits. */
struct LogState {
  std::mutex mutex;
  LogSink sink;
  std::string line;
  LogLevel level = LogLevel::info;
};

LogState& state() {
  static auto* instance = new LogState;
  return *instance;
}

LogLevel levelOf(ggml_log_level level) {
  if (level == GGML_LOG_LEVEL_ERROR) return LogLevel::error;
  if (level == GGML_LOG_LEVEL_WARN) return LogLevel::warn;
  if (level == GGML_LOG_LEVEL_INFO) return LogLevel::info;
  return LogLevel::debug;
}

/** The libraries print lines in parts, the later ones with the level CONT. */
void onText(ggml_log_level level, const char* text, void*) {
  LogState& log = state();
  const std::lock_guard lock(log.mutex);
  if (!log.sink) {
    if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
    return;
  }
  if (level != GGML_LOG_LEVEL_CONT) log.level = levelOf(level);
  // Hundreds of lines per model that only their authors read, and each one is a call into JavaScript.
  if (log.level == LogLevel::debug) return;
  log.line += text;
  for (size_t end = log.line.find('\n'); end != std::string::npos; end = log.line.find('\n')) {
    if (end > 0) log.sink(log.level, log.line.substr(0, end));
    log.line.erase(0, end + 1);
  }
}

}  // namespace

void startLog(LogSink sink) {
  {
    const std::lock_guard lock(state().mutex);
    state().sink = std::move(sink);
  }
  llama_log_set(onText, nullptr);
  common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT - 1);
}

void stopLog() {
  const std::lock_guard lock(state().mutex);
  state().sink = nullptr;
}

}  // namespace hearth
