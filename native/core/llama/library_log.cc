#include "core/llama/library_log.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
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

thread_local int silences = 0;

void writeToStderr(const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDERR_FILENO, text, size);
    if (written <= 0) return;
    text += written;
    size -= static_cast<size_t>(written);
  }
}

ssize_t writeUnlessSilent(void*, const char* text, size_t size) {
  if (silences == 0) writeToStderr(text, size);
  return static_cast<ssize_t>(size);
}

/** The libraries print with fprintf(stderr, ...), which glibc lets a program point elsewhere (stdio(3), fopencookie(3)). */
void guardStderr() {
  std::FILE* guarded = fopencookie(nullptr, "w", {nullptr, writeUnlessSilent, nullptr, nullptr});
  if (guarded == nullptr) return;
  std::setvbuf(guarded, nullptr, _IONBF, 0);
  stderr = guarded;
}

/** In place of a backtrace, which would push the reason out of the last lines. */
void onAbort(const char* message) {
  writeToStderr(message, std::strlen(message));
  writeToStderr("\n", 1);
}

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

void take(const LogState& log, const std::string& line) {
  if (log.level == LogLevel::error) {
    const std::string said = "llama.cpp error: " + line + "\n";
    writeToStderr(said.data(), said.size());
  }
  if (log.sink) log.sink(log.level, line);
}

/** The libraries print lines in parts, the later ones with the level CONT. */
void onText(ggml_log_level level, const char* text, void*) {
  if (silences > 0) return;
  LogState& log = state();
  const std::lock_guard lock(log.mutex);
  if (level != GGML_LOG_LEVEL_CONT) log.level = levelOf(level);
  // Hundreds of lines per model that only their authors read, and each one is a call into JavaScript.
  if (log.level == LogLevel::debug) return;
  log.line += text;
  for (size_t end = log.line.find('\n'); end != std::string::npos; end = log.line.find('\n')) {
    if (end > 0) take(log, log.line.substr(0, end));
    log.line.erase(0, end + 1);
  }
}

}  // namespace

void startLog(LogSink sink) {
  {
    const std::lock_guard lock(state().mutex);
    state().sink = std::move(sink);
  }
  static std::once_flag guarded;
  std::call_once(guarded, guardStderr);
  ggml_set_abort_callback(onAbort);
  llama_log_set(onText, nullptr);
  common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT - 1);
}

void stopLog() {
  const std::lock_guard lock(state().mutex);
  state().sink = nullptr;
}

LibrarySilence::LibrarySilence() { ++silences; }

LibrarySilence::~LibrarySilence() { --silences; }

}  // namespace hearth
