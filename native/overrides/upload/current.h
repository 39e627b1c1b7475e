#pragma once

#include "overrides/upload/session.h"

namespace hearth::upload {

/** The session of the calling thread, or null: then nothing of its is on the way to a device. */
Session* current();

}  // namespace hearth::upload
