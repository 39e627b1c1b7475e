#pragma once

#include <functional>
#include <string>

namespace hearth {

enum class LogLevel { debug, info, warn, error };

using LogSink = std::function<void(LogLevel, std::string)>;

/**
 * Sends the lines of ggml and llama.cpp to `sink`, from whatever thread they come; debug lines are dropped.
 * Errors, and why ggml aborts, are on standard error too before this returns to the library: the process may
 * not live to see the sink called. libllama-common's own log is silenced: it prints model output that it
 * cannot parse, and no prompt or completion may reach a log.
 */
void startLog(LogSink sink);
/** Errors go to standard error from here on; the sink is never called again once this returns. */
void stopLog();

/**
 * While it exists the libraries say nothing on this thread, neither by their log nor on C's standard error, where
 * grammars that do not parse are printed whole: they are made of what a client sent.
 */
class LibrarySilence {
 public:
  LibrarySilence();
  ~LibrarySilence();
  LibrarySilence(const LibrarySilence&) = delete;
  LibrarySilence& operator=(const LibrarySilence&) = delete;
};

}  // namespace hearth
