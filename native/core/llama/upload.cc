#include "core/llama/upload.h"

#include <dlfcn.h>

#include "core/upload/abi.h"

namespace hearth {
namespace {

/** A function of native/overrides, or null where that library is not open. */
template <typename Function>
Function overriding(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

UploadReport finished(bool alive) {
  hearth_upload_report report{};
  if (const auto finish = overriding<hearth_upload_finish_fn>("hearth_upload_finish")) finish(alive, &report);
  UploadReport told;
  told.tensors = report.tensors;
  told.bytes = report.bytes;
  told.plainBytes = report.plain_bytes;
  told.lanes = report.lanes;
  told.ringBytes = report.ring_bytes;
  told.openMs = report.open_ms;
  told.copyMs = report.copy_ms;
  told.drainMs = report.drain_ms;
  told.checkMs = report.check_ms;
  told.checked = report.checked != 0;
  told.differing = report.differing;
  if (report.plain_reason != nullptr) told.plainReason = report.plain_reason;
  return told;
}

}  // namespace

Upload::Upload(UploadMode mode, bool mapped) {
  if (mode == UploadMode::plain) return;
  const auto begin = overriding<hearth_upload_begin_fn>("hearth_upload_begin");
  if (begin == nullptr) return;
  const hearth_upload_options options{mode == UploadMode::checked, mapped};
  begin(&options);
  begun_ = true;
}

Upload::~Upload() {
  if (begun_) finished(false);
}

UploadReport Upload::finish() {
  if (!begun_) return {};
  begun_ = false;
  return finished(true);
}

void prepareUpload() {
  if (const auto prepare = overriding<hearth_upload_prepare_fn>("hearth_upload_prepare")) prepare();
}

void releaseUpload() {
  if (const auto release = overriding<hearth_upload_release_fn>("hearth_upload_release")) release();
}

}  // namespace hearth
