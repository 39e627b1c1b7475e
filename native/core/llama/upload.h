#pragma once

#include "core/requests.h"

namespace hearth {

/**
 * The threaded upload of one load, from its making to finish(), on one thread. Where the overrides are off there is none,
 * and everything below says that the plain path was taken.
 */
class Upload {
 public:
  /** `mapped`: the weights are in mapped files, which nobody writes to. */
  Upload(UploadMode mode, bool mapped);
  /** Finishes, for a load that failed: then no tensor is left. */
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /** Waits until the device has everything, and when it was asked for reads all of it back. */
  UploadReport finish();

 private:
  bool begun_ = false;
};

/** Makes ahead what the next upload needs, if a device here can have one. From any thread. */
void prepareUpload();
/** Lets go of what was made ahead, or what the last upload left. From any thread. */
void releaseUpload();

}  // namespace hearth
