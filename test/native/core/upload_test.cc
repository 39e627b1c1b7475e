#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "check.h"
#include "ggml_library.h"
#include "upload_scene.h"

using namespace scene;

namespace {

/** Each test's own, and what it leaves of a ring goes before it. */
struct Here {
  Here() { ggmlBase(); }
  ~Here() { hearth_upload_release(); }
  fake::Device gpu{"FAKE0"};
  fake::Counts& counts = gpu.counts;
};

constexpr size_t kBig = 5 * kMiB + 3;
constexpr size_t kLeast = kMiB / 4;

}  // namespace

TEST("ggml_backend_tensor_set() leaves tensors to the original when no load is under way") {
  Here here;
  Tensor tensor(&here.gpu.memory, kBig);
  tensor.set(bytesOf(kBig, 1));
  CHECK(tensor.holds(bytesOf(kBig, 1)));
  CHECK(here.counts.plainSets == 1 && here.counts.toldCopies == 0 && here.counts.streams == 0);
}

TEST("ggml_backend_tensor_set() has read the source when it returns, and the tensor has it after finish") {
  Here here;
  Tensor tensor(&here.gpu.memory, kBig);
  std::vector<uint8_t> source = bytesOf(kBig, 1);
  begin();
  tensor.set(source);
  CHECK(here.counts.doneCopies < here.counts.toldCopies);
  std::ranges::fill(source, 0);
  const hearth_upload_report report = finish();
  CHECK(tensor.holds(bytesOf(kBig, 1)));
  CHECK(report.tensors == 1 && report.bytes == kBig && report.plain_bytes == 0);
  CHECK(report.lanes >= 1 && report.ring_bytes > 0 && report.checked == 0);
  CHECK(plainReason(report).empty());
  CHECK(here.counts.plainSets == 0);
}

TEST("ggml_backend_tensor_set() uploads tensors of every size and place one after the other") {
  Here here;
  std::vector<std::unique_ptr<Tensor>> tensors;
  std::vector<std::vector<uint8_t>> sources;
  begin();
  for (const size_t bytes : {kLeast, kMiB + 1, 2 * kMiB - 1, 2 * kMiB, 7 * kMiB + 12345, 31 * kMiB + 7}) {
    for (uint32_t seed = 0; seed < 3; ++seed) {
      sources.push_back(bytesOf(bytes, seed));
      tensors.push_back(std::make_unique<Tensor>(&here.gpu.memory, bytes));
      tensors.back()->set(sources.back());
    }
  }
  const hearth_upload_report report = finish();
  CHECK(report.tensors == tensors.size());
  bool all = true;
  for (size_t index = 0; index < tensors.size(); ++index) all = all && tensors[index]->holds(sources[index]);
  CHECK(all);
}

TEST("ggml_backend_tensor_set() reads a mapped file on after the mapping has gone") {
  Here here;
  constexpr size_t kBytes = 300 * kMiB + 5;
  const int file = memfd_create("weights", 0);
  CHECK(ftruncate(file, kBytes) == 0);
  const std::vector<uint8_t> start = bytesOf(3 * kMiB, 1);
  CHECK(pwrite(file, start.data(), start.size(), kBytes - 7 * kMiB) == static_cast<ssize_t>(start.size()));
  void* mapping = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  Tensor tensor(&here.gpu.memory, kBytes - 3);
  begin(true, true);
  ggml_backend_tensor_set(tensor.get(), static_cast<char*>(mapping) + 3, 0, kBytes - 3);
  munmap(mapping, kBytes);
  const hearth_upload_report report = finish();
  CHECK(report.tensors == 1 && report.differing == 0 && report.checked == 1);
  const auto* held = static_cast<const uint8_t*>(tensor->data) + kBytes - 7 * kMiB - 3;
  CHECK(std::equal(start.begin(), start.end(), held));
  CHECK(held[-1] == 0 && held[start.size()] == 0);
}

TEST("ggml_backend_tensor_set() has read memory of malloc when it returns, in a load of mapped files, too") {
  Here here;
  Tensor tensor(&here.gpu.memory, kBig);
  std::vector<uint8_t> source = bytesOf(kBig, 1);
  begin(false, true);
  tensor.set(source);
  std::ranges::fill(source, 0);
  finish();
  CHECK(tensor.holds(bytesOf(kBig, 1)));
}

TEST("ggml_backend_tensor_set() puts a part at its offset and leaves the rest") {
  Here here;
  Tensor tensor(&here.gpu.memory, 4 * kMiB);
  std::vector<uint8_t> expected = bytesOf(4 * kMiB, 1);
  tensor.set(expected);
  begin();
  const std::vector<uint8_t> part = bytesOf(2 * kMiB + 5, 2);
  tensor.set(part, kMiB - 3);
  finish();
  std::ranges::copy(part, expected.begin() + kMiB - 3);
  CHECK(tensor.holds(expected));
}

TEST("ggml_backend_tensor_set() keeps the order of two calls that write the same bytes") {
  Here here;
  for (const size_t second : {kBig, size_t{100}}) {
    Tensor tensor(&here.gpu.memory, kBig);
    std::vector<uint8_t> expected = bytesOf(kBig, 1);
    begin();
    tensor.set(expected);
    // At the end: no later chunk makes its stream go on.
    tensor.set(bytesOf(second, 2), kBig - second);
    finish();
    std::ranges::copy(bytesOf(second, 2), expected.end() - static_cast<ptrdiff_t>(second));
    CHECK(tensor.holds(expected));
  }
}

TEST("A tensor on its way has arrived for whoever reads, writes, copies or frees it") {
  Here here;
  const std::vector<uint8_t> source = bytesOf(kBig, 1);
  std::vector<uint8_t> read(kBig);
  Tensor tensor(&here.gpu.memory, kBig);
  Tensor other(&here.gpu.memory, kBig);
  Tensor host(&here.gpu.pinned, kBig);
  begin();
  tensor.set(source);
  ggml_backend_tensor_get(tensor.get(), read.data(), 0, kBig);
  CHECK(read == source);
  other.set(source);
  ggml_backend_tensor_memset(other.get(), 7, 0, kBig);
  CHECK(other.holds(std::vector<uint8_t>(kBig, 7)));
  tensor.set(bytesOf(kBig, 2));
  ggml_backend_tensor_copy(tensor.get(), host.get());
  CHECK(host.holds(bytesOf(kBig, 2)));
  tensor.set(bytesOf(kBig, 3));
  ggml_backend_buffer_clear(tensor->buffer, 0);
  CHECK(tensor.holds(std::vector<uint8_t>(kBig, 0)));
  tensor.set(bytesOf(kBig, 4));
  tensor.freeBuffer();
  CHECK(here.counts.freedEarly == 0);
  finish(false);
  CHECK(other.holds(std::vector<uint8_t>(kBig, 7)));
}

TEST("ggml_backend_tensor_set() leaves small tensors, host memory and packed memory to the original") {
  Here here;
  Tensor least(&here.gpu.memory, kLeast - 1);
  Tensor host(&here.gpu.pinned, kBig);
  Tensor packed(&here.gpu.packed, kBig);
  begin();
  least.set(bytesOf(kLeast - 1, 1));
  host.set(bytesOf(kBig, 2));
  packed.set(bytesOf(kBig, 3));
  CHECK(least.holds(bytesOf(kLeast - 1, 1)) && host.holds(bytesOf(kBig, 2)) && packed.holds(bytesOf(kBig, 3)));
  const hearth_upload_report report = finish();
  CHECK(report.tensors == 0 && report.plain_bytes == kLeast - 1 && report.lanes == 0);
  CHECK(here.counts.plainSets == 3 && here.counts.streams == 0);
}

TEST("A device without streams, events or pinned memory gets everything in the plain way, and the report says why") {
  const auto reasonOf = [](const std::function<void(fake::Behaviour&)>& spoil) {
    Here here;
    spoil(here.gpu.behaviour);
    Tensor tensor(&here.gpu.memory, kBig);
    begin(true);
    tensor.set(bytesOf(kBig, 1));
    tensor.set(bytesOf(kBig, 2));
    const hearth_upload_report report = finish();
    CHECK(tensor.holds(bytesOf(kBig, 2)));
    CHECK(report.tensors == 0 && report.plain_bytes == 2 * kBig && report.checked == 0);
    CHECK(here.counts.streams == 0 && here.counts.events == 0 && here.counts.pinnedBuffers == 0);
    return plainReason(report);
  };
  CHECK(reasonOf([](auto& device) { device.async = false; }) == "the device copies nothing asynchronously");
  CHECK(reasonOf([](auto& device) { device.events = false; }) == "the device has no events");
  CHECK(reasonOf([](auto& device) { device.hostBuffer = false; }) == "the device has no pinned memory");
  const std::string refused = "the device gives no stream, event or pinned memory";
  CHECK(reasonOf([](auto& device) { device.streams = 0; }) == refused);
  CHECK(reasonOf([](auto& device) { device.pinnedBuffers = 0; }) == refused);
  CHECK(reasonOf([](auto& device) { device.eventsLeft = 1; }) == refused);
}

TEST("A ring of as many lanes as the device gives uploads as well") {
  Here here;
  here.gpu.behaviour.pinnedBuffers = 1;
  Tensor tensor(&here.gpu.memory, kBig);
  begin();
  tensor.set(bytesOf(kBig, 1));
  const hearth_upload_report report = finish();
  CHECK(report.lanes == 1 && report.tensors == 1);
  CHECK(tensor.holds(bytesOf(kBig, 1)));
  CHECK(here.counts.streams == 1 && here.counts.pinnedBuffers == 1);
}

TEST("hearth_upload_finish() reads everything back when asked to, and finds one bit") {
  for (const int spoiled : {-1, 0, 4}) {
    Here here;
    here.gpu.behaviour.spoiledCopy = spoiled;
    Tensor first(&here.gpu.memory, kBig);
    Tensor second(&here.gpu.memory, kBig);
    Tensor least(&here.gpu.memory, 100);
    begin(true);
    first.set(bytesOf(kBig, 1));
    least.set(bytesOf(100, 2));
    second.set(bytesOf(kBig, 3));
    const hearth_upload_report report = finish();
    CHECK(report.checked == 1);
    CHECK(report.differing == (spoiled < 0 ? 0 : 1));
    CHECK(report.plain_bytes == 100);
  }
}

TEST("hearth_upload_finish() does not miss what was written over or freed since") {
  Here here;
  Tensor first(&here.gpu.memory, kBig);
  Tensor second(&here.gpu.memory, kBig);
  Tensor third(&here.gpu.memory, kBig);
  begin(true);
  first.set(bytesOf(kBig, 1));
  second.set(bytesOf(kBig, 2));
  third.set(bytesOf(kBig, 3));
  ggml_backend_tensor_memset(first.get(), 7, 100, 1);
  ggml_backend_buffer_clear(second->buffer, 0);
  third.freeBuffer();
  const hearth_upload_report report = finish();
  CHECK(report.checked == 1 && report.differing == 0);
}

TEST("hearth_upload_finish() of a load that failed touches no tensor") {
  Here here;
  here.gpu.behaviour.spoiledCopy = 0;
  auto tensor = std::make_unique<Tensor>(&here.gpu.memory, kBig);
  begin(true);
  tensor->set(bytesOf(kBig, 1));
  tensor.reset();
  const hearth_upload_report report = finish(false);
  CHECK(report.checked == 0 && report.differing == 0 && report.tensors == 1);
  CHECK(here.counts.freedEarly == 0);
}

TEST("hearth_upload_finish() without a beginning tells of nothing") {
  const hearth_upload_report report = finish();
  CHECK(report.tensors == 0 && report.checked == 0 && report.plain_reason == nullptr);
}

TEST("hearth_upload_release() gives back what the load before has left") {
  Here here;
  Tensor tensor(&here.gpu.memory, kBig);
  begin();
  tensor.set(bytesOf(kBig, 1));
  finish();
  CHECK(here.counts.streams > 0 && here.counts.pinnedBuffers > 0 && here.counts.events > 0);
  hearth_upload_release();
  CHECK(here.counts.streams == 0 && here.counts.pinnedBuffers == 0 && here.counts.events == 0);
  hearth_upload_release();
}

TEST("A second load takes the ring of the first one when it is of the same device") {
  Here here;
  fake::Device other("FAKE1");
  Tensor tensor(&here.gpu.memory, kBig);
  Tensor elsewhere(&other.memory, kBig);
  begin();
  tensor.set(bytesOf(kBig, 1));
  finish();
  here.gpu.behaviour.streams = 0;
  begin();
  tensor.set(bytesOf(kBig, 2));
  CHECK(finish().tensors == 1);
  begin();
  elsewhere.set(bytesOf(kBig, 3));
  CHECK(finish().tensors == 1);
  CHECK(here.counts.streams == 0 && other.counts.streams > 0);
  CHECK(tensor.holds(bytesOf(kBig, 2)) && elsewhere.holds(bytesOf(kBig, 3)));
  hearth_upload_release();
}

TEST("ggml_backend_tensor_set() uploads to one device after the other within a load, and checks both") {
  Here here;
  fake::Device other("FAKE1");
  Tensor tensor(&here.gpu.memory, kBig);
  Tensor elsewhere(&other.memory, kBig);
  other.behaviour.spoiledCopy = 1;
  begin(true);
  tensor.set(bytesOf(kBig, 1));
  elsewhere.set(bytesOf(kBig, 2));
  CHECK(here.counts.streams == 0);
  const hearth_upload_report report = finish();
  CHECK(report.tensors == 2 && report.checked == 1 && report.differing == 1);
  CHECK(tensor.holds(bytesOf(kBig, 1)));
  hearth_upload_release();
}

TEST("A thread that ends within a load leaves nothing on its way") {
  Here here;
  Tensor tensor(&here.gpu.memory, kBig);
  std::thread([&] {
    begin();
    tensor.set(bytesOf(kBig, 1));
  }).join();
  CHECK(tensor.holds(bytesOf(kBig, 1)));
  CHECK(here.counts.streams == 0 && here.counts.pinnedBuffers == 0);
}

TEST("Two threads load at the same time, each by a ring of its own") {
  Here here;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (uint32_t seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] {
      Tensor tensor(&here.gpu.memory, kBig);
      for (int round = 0; round < 5; ++round) {
        begin(true);
        tensor.set(bytesOf(kBig, seed));
        const hearth_upload_report report = finish();
        if (report.differing == 0 && report.tensors == 1 && tensor.holds(bytesOf(kBig, seed))) right.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 10);
}

TEST("ggml_backend_reg_get_proc_address() keeps a load from mapping the file in one thread") {
  Here here;
  ggml_backend_reg registry{};
  registry.iface.get_proc_address = [](ggml_backend_reg_t, const char*) -> void* { return nullptr; };
  const auto answer = [&](const char* name) { return ggml_backend_reg_get_proc_address(&registry, name); };
  CHECK(answer("ggml_backend_cpu_is_numa") == nullptr);
  begin();
  void* isNuma = answer("ggml_backend_cpu_is_numa");
  CHECK(isNuma != nullptr && reinterpret_cast<bool (*)()>(isNuma)());
  CHECK(answer("ggml_backend_cpu_set_numa") == nullptr);
  finish();
  CHECK(answer("ggml_backend_cpu_is_numa") == nullptr);
}

TEST("hearth_upload_prepare() makes the ring of the first device that can have one, and the load takes it") {
  Here here;
  static fake::Device blind("FAKE-BLIND");
  static fake::Device seeing("FAKE-SEEING");
  blind.behaviour.async = false;
  const auto enrol = reinterpret_cast<decltype(&ggml_backend_device_register)>(
      dlsym(ggmlRegistry(), "ggml_backend_device_register"));
  enrol(blind.handle());
  enrol(seeing.handle());
  hearth_upload_prepare();
  const int made = seeing.counts.streams;
  CHECK(made > 0);
  hearth_upload_prepare();
  CHECK(seeing.counts.streams == made);
  Tensor tensor(&seeing.memory, kBig);
  begin();
  tensor.set(bytesOf(kBig, 1));
  finish();
  CHECK(seeing.counts.streams == made && tensor.holds(bytesOf(kBig, 1)));
  hearth_upload_release();
  CHECK(seeing.counts.streams == 0);
}
