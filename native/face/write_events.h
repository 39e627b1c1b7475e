#pragma once

#include <napi.h>

#include <vector>

#include "core/events.h"

namespace hearth::face {

/** The events as addonTypes.ts has them. */
Napi::Array writeEvents(Napi::Env env, const std::vector<Event>& events);

}  // namespace hearth::face
