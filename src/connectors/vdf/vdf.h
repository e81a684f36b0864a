#pragma once
#include <memory>

#include "connector/connector.h"
#include "files/place.h"

namespace vecferry::vdf {

/// `vdf:DIR#INDEX`: the folder that vector-io (PyPI vdf-io) writes and reads (docs/formats/vdf.md).
std::unique_ptr<Connector> MakeVdfConnector();

/// What a VDF folder can hold. `json_text`: what has no column goes into one of JSON text.
Capabilities CapabilitiesOfVdf(bool json_text = false);

/// An index "" is the only one there is. `round`: doubles that f32 does not hold are rounded.
Result<std::unique_ptr<Source>> OpenSource(const files::Place& place, const std::string& index, bool round);
Result<std::unique_ptr<Sink>> OpenSink(const files::Place& place, const std::string& index, bool json_text);

}  // namespace vecferry::vdf
