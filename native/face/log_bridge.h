#pragma once

#include <napi.h>

namespace hearth::face {

/** From here on log lines of the libraries go to `onLog(level, text)`, in batches, without keeping the
 * process alive. */
void startLogBridge(Napi::Env env, Napi::Function onLog);

}  // namespace hearth::face
