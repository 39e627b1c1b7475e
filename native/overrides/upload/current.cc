#include "overrides/upload/current.h"

#include "overrides/upload/ring_store.h"

namespace hearth::upload {
namespace {

thread_local std::unique_ptr<Session> session;

}  // namespace

Session* current() { return session.get(); }

}  // namespace hearth::upload

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void hearth_upload_begin(const hearth_upload_options* options) {
  hearth::upload::session = std::make_unique<hearth::upload::Session>(options->check != 0, options->mapped != 0);
}

EXPORTED void hearth_upload_finish(uint32_t alive, hearth_upload_report* report) {
  *report = {};
  if (hearth::upload::session == nullptr) return;
  *report = hearth::upload::session->finish(alive != 0);
  hearth::upload::session.reset();
}

EXPORTED void hearth_upload_prepare() { hearth::upload::RingStore::instance().prepare(); }

EXPORTED void hearth_upload_release() { hearth::upload::RingStore::instance().release(); }
