// Server-sent events: an answer as it is generated, one JSON a line.

#ifndef INKLING_EXAMPLES_SERVE_EVENT_STREAM_H_
#define INKLING_EXAMPLES_SERVE_EVENT_STREAM_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "httplib.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

class EventStream {
 public:
  explicit EventStream(httplib::DataSink& sink) : sink_(sink) {}

  // False once the client has gone: then the answer isn't wanted any more.
  bool Send(const nlohmann::ordered_json& event) {
    return SendText(event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }

  void End() {
    SendText("[DONE]");
    sink_.done();
  }

 private:
  bool SendText(absl::string_view text) {
    const std::string line = absl::StrCat("data: ", text, "\n\n");
    return sink_.is_writable() && sink_.write(line.data(), line.size());
  }

  httplib::DataSink& sink_;
};

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_EVENT_STREAM_H_
