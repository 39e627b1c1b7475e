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
      "sources": ["core/memory/zero_memory.cc", "overrides/buffer_clear.cc", "overrides/original.cc"]
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
