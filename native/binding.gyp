{
  "target_defaults": {
    "cflags!": ["-O3", "-fno-omit-frame-pointer"],
    "cflags": ["-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O3"],
    "cflags_cc": [
      "-std=c++20",
      "-fexceptions",
      "-isystem", "<(napi_headers)",
      "-isystem", "<(llama_headers)/include",
      "-isystem", "<(llama_headers)/ggml/include",
      "-isystem", "<(llama_headers)/common",
      "-isystem", "<(llama_headers)/src"
    ],
    "include_dirs": ["<(module_root_dir)"],
    "defines": ["NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"]
  },
  "targets": [
    { "target_name": "hearth_preload", "sources": ["face/preload.cc"] },
    {
      "target_name": "hearth_overrides",
      "sources": [
        "core/memory/zero_memory.cc",
        "core/upload/crew.cc",
        "core/upload/digest.cc",
        "overrides/buffer_clear.cc",
        "overrides/original.cc",
        "overrides/tensor_access.cc",
        "overrides/upload/current.cc",
        "overrides/upload/ggml_api.cc",
        "overrides/upload/ring.cc",
        "overrides/upload/ring_store.cc",
        "overrides/upload/session.cc",
        "overrides/upload/source_view.cc"
      ]
    },
    {
      "target_name": "blake3",
      "type": "static_library",
      "cflags!": ["-Wextra", "-Werror"],
      "cflags": ["-fPIC"],
      "sources": [
        "third_party/blake3/blake3.c",
        "third_party/blake3/blake3_avx2_x86-64_unix.S",
        "third_party/blake3/blake3_avx512_x86-64_unix.S",
        "third_party/blake3/blake3_dispatch.c",
        "third_party/blake3/blake3_portable.c",
        "third_party/blake3/blake3_sse2_x86-64_unix.S",
        "third_party/blake3/blake3_sse41_x86-64_unix.S"
      ]
    },
    {
      "target_name": "hearth_store",
      "dependencies": ["blake3"],
      "sources": [
        "face/js_thread.cc",
        "face/lease_object.cc",
        "face/read_options.cc",
        "face/store_addon.cc",
        "face/store_jobs.cc",
        "face/store_object.cc",
        "face/store_values.cc",
        "core/crypt/cipher.cc",
        "core/crypt/container.cc",
        "core/crypt/files.cc",
        "core/crypt/hkdf.cc",
        "core/crypt/sealed_file.cc",
        "core/store/blake3.cc",
        "core/store/chunk_source.cc",
        "core/store/chunk_target.cc",
        "core/store/collapse.cc",
        "core/store/containers.cc",
        "core/store/content.cc",
        "core/store/copy.cc",
        "core/store/flight.cc",
        "core/store/layout.cc",
        "core/store/lease.cc",
        "core/store/locks.cc",
        "core/store/making.cc",
        "core/store/pace.cc",
        "core/store/pacing.cc",
        "core/store/posix.cc",
        "core/store/progress.cc",
        "core/store/raw_read.cc",
        "core/store/sha256.cc",
        "core/store/source.cc",
        "core/store/stage.cc",
        "core/store/store.cc",
        "core/store/sweep.cc",
        "core/store/whole_digest.cc",
        "core/text/utf8.cc"
      ]
    },
    {
      "target_name": "hearth_store_c",
      "type": "shared_library",
      "product_prefix": "lib",
      "product_name": "hearth_store",
      "sources": [
        "core/store_c.cc",
        "core/store/layout.cc",
        "core/store/lease.cc",
        "core/store/locks.cc",
        "core/store/posix.cc",
        "core/store/progress.cc"
      ]
    },
    {
      "target_name": "hearth_crypt",
      "sources": [
        "face/crypt_addon.cc",
        "face/crypt_jobs.cc",
        "face/js_thread.cc",
        "core/crypt/cipher.cc",
        "core/crypt/container.cc",
        "core/crypt/files.cc",
        "core/crypt/hkdf.cc",
        "core/crypt/sealed_file.cc",
        "core/crypt/transfer.cc"
      ]
    },
    {
      "target_name": "hearth_engine",
      "sources": [
        "face/addon.cc",
        "face/engine_object.cc",
        "face/js_thread.cc",
        "face/log_bridge.cc",
        "face/mapped_file.cc",
        "face/read_options.cc",
        "face/read_request.cc",
        "face/write_events.cc",
        "face/write_results.cc",
        "core/backend.cc",
        "core/embedder.cc",
        "core/engine.cc",
        "core/engine_attach.cc",
        "core/engine_resize.cc",
        "core/engine_spare.cc",
        "core/outbox.cc",
        "core/retirements.cc",
        "core/worker.cc",
        "core/device_usage.cc",
        "core/memory/file_mapping.cc",
        "core/decode/context_loop.cc",
        "core/decode/decoder.cc",
        "core/decode/message_stream.cc",
        "core/decode/sequence.cc",
        "core/llama/adapters.cc",
        "core/llama/context.cc",
        "core/llama/library_log.cc",
        "core/llama/model.cc",
        "core/llama/upload.cc",
        "core/llama/vocabulary.cc",
        "core/prompt/templates.cc",
        "core/prompt/conversation.cc",
        "core/prompt/embed_inputs.cc",
        "core/prompt/prepare.cc",
        "core/prompt/sampler.cc",
        "core/text/log_softmax.cc",
        "core/text/output_text.cc",
        "core/text/special_text.cc",
        "core/text/stop_matcher.cc",
        "core/text/utf8.cc"
      ]
    }
  ]
}
