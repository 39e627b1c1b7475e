#pragma once

#include <napi.h>

#include "core/store/containers.h"
#include "core/store/collapse.h"
#include "core/store/raw_read.h"
#include "core/store/stage.h"
#include "face/read_options.h"

namespace hearth::face {

/** An Error with a `code`: StoreError of storeTypes.ts. */
Napi::Error storeError(Napi::Env env, const store::StoreFailure& failure);
/** Throws it into JavaScript, as `invalid_argument`. */
void refuseArgument(Napi::Env env, const std::string& message);

Napi::Object write(Napi::Env env, const store::Source& source, const store::SourceSeal& seal,
                   const std::string& digest);
Napi::Object write(Napi::Env env, const store::StageProgress& progress);
/** But for the lease. */
Napi::Object write(Napi::Env env, const store::StageReport& report);
Napi::Array write(Napi::Env env, const std::vector<store::ListedSegment>& segments);
Napi::Object write(Napi::Env env, const store::BookUsage& usage);
Napi::Object write(Napi::Env env, const store::EvictReport& report);
Napi::Object write(Napi::Env env, const store::CollapseReport& report);
Napi::Object write(Napi::Env env, const store::SweepReport& report);
Napi::Object write(Napi::Env env, const store::RawRead& read);

/** All but the source, which may be a lease. */
store::StageRequest readStageRequest(Reader& reader);
store::Book readBook(Napi::Value value, bool& known);

}  // namespace hearth::face
