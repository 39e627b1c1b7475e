#pragma once

#include <functional>
#include <string>

namespace hearth {

enum class LogLevel { debug, info, warn, error };

using LogSink = std::function<void(LogLevel, std::string)>;

/**
 * Sends the lines of ggml and llama.cpp to `sink`, from whatever thread they come; debug lines are
 * dropped. libllama-common's own log
 * is silenced: it prints model output that it cannot parse, and no prompt or completion may reach a log.
 */
void startLog(LogSink sink);
/** Errors go to standard error from here on; the sink is never called again once this returns. */
void stopLog();

}  // namespace hearth
