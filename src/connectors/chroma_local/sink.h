#pragma once
#include <memory>
#include <string>

#include "connectors/chroma_local/directory.h"

namespace vecferry::chroma_local {

/// How a folder is to be written.
struct SinkWishes {
  OpenWishes open;       ///< the collection is named
  std::string program;   ///< of the vendor's server, "" to look for it
  bool json_text = false;  ///< values of metadata that Chroma does not hold are written as JSON text
  bool migrate = false;  ///< a folder of an older generation may be brought to the server's own
};

/// A sink that looks at the folder offline, and writes through the vendor's own server, started by Prepare.
std::unique_ptr<Sink> MakeSink(SinkWishes wishes, const OpenContext& context, const Capabilities& can);

}  // namespace vecferry::chroma_local
