import Foundation
import Testing
import Torch

/// Both containers that PyTorch writes.
private let formats = ["zip", "legacy"]

@Suite struct TorchFileTests {
  private func read(_ name: String, _ format: String) throws -> PickleValue {
    try TorchFile.read(fixture("\(name).\(format).pth"))
  }

  private func tensor(_ value: PickleValue, _ path: String...) throws -> HostTensor {
    try #require(try value.value(at: path).tensorValue)
  }

  @Test(arguments: formats) func everyElementTypeIsRead(format: String) throws {
    let state = try read("types", format).stateDictionary()
    #expect(
      state.map(\.name) == [
        "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
      ])
    for (name, tensor) in state {
      #expect(tensor.dtype.rawValue == name)
      #expect(tensor.shape == [2, 3])
      switch tensor.dtype {
      case .uint8: #expect(tensor.bytes == [0, 1, 2, 128, 254, 255])
      case .bool: #expect(tensor.bytes == [1, 0, 1, 0, 1, 1])
      default: #expect(tensor.doubles() == [0, 1, -2, 3, -100, 127])
      }
    }
  }

  @Test(arguments: formats) func viewsAreMadeContiguous(format: String) throws {
    let views = try read("views", format)
    let whole = try tensor(views, "whole")
    #expect(whole.shape == [2, 3, 4])
    #expect(whole.floats() == (0..<24).map { Float($0) })
    #expect(try tensor(views, "same") == whole)
    let transposed = try tensor(views, "transposed")
    #expect(transposed.shape == [4, 3, 2])
    #expect(transposed.floats().prefix(8) == [0, 12, 4, 16, 8, 20, 1, 13])
    #expect(transposed.floats().last == 23)
    let sliced = try tensor(views, "sliced")
    #expect(sliced.shape == [2, 2, 2])
    #expect(sliced.floats() == [4, 6, 8, 10, 16, 18, 20, 22])
    #expect(try tensor(views, "row").floats() == [20, 21, 22, 23])
    #expect(try tensor(views, "expanded").floats() == [5, 5, 5, 6, 6, 6])
    #expect(try tensor(views, "overlapping").integers() == [0, 1, 2, 1, 2, 3, 2, 3, 4])
    #expect(try tensor(views, "scalar").shape == [])
    #expect(try tensor(views, "scalar").floats() == [2.5])
    #expect(try tensor(views, "scalarOfView").floats() == [15])
    #expect(try tensor(views, "empty").shape == [0])
    #expect(try tensor(views, "emptyMatrix").shape == [3, 0, 2])
    #expect(try tensor(views, "emptyMatrix").dtype == .int64)
    #expect(try tensor(views, "channelsLast").shape == [1, 2, 2, 3])
    #expect(try tensor(views, "channelsLast").floats() == (0..<12).map { Float($0) })
  }

  @Test(arguments: formats) func aNetworkInsideACheckpointIsFoundByItsPath(format: String) throws {
    let checkpoint = try read("checkpoint", format)
    let state = try checkpoint.stateDictionary(at: ["model", "generator"])
    let names = [
      "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
      "2.weight",
    ]
    #expect(state.map(\.name) == names)
    #expect(state[0].tensor.shape == [2, 1, 3, 3])
    #expect(state[6].tensor == HostTensor([0] as [Int], shape: []))
    let parallel = try checkpoint.stateDictionary(at: ["model", "parallel"])
    #expect(parallel.map(\.name) == names.map { "module." + $0 })
    #expect(parallel.removingDataParallelPrefix().map(\.name) == names)
    #expect(parallel.map(\.tensor) == state.map(\.tensor))
    // A name without the prefix says that `module` belongs to the network.
    let mixed = parallel + state
    #expect(mixed.removingDataParallelPrefix().map(\.name) == mixed.map(\.name))
    let url = fixture("checkpoint.\(format).pth")
    #expect(try TorchFile.stateDictionary(of: url, at: ["model", "generator"]).count == 8)
  }

  @Test(arguments: formats) func valuesBesideTensorsKeepTheirKind(format: String) throws {
    let checkpoint = try read("checkpoint", format)
    #expect(try checkpoint.value(at: ["epoch"]).intValue == 7)
    #expect(try checkpoint.value(at: ["best"]).doubleValue == -0.125)
    #expect(try checkpoint.value(at: ["large"]).intValue == 1 << 40 + 3)
    #expect(try checkpoint.value(at: ["negative"]).intValue == -70000)
    #expect(try checkpoint.value(at: ["text"]).stringValue == "Größe 漢字")
    #expect(try checkpoint.value(at: ["tuple", "1"]).stringValue == "two")
    #expect(try checkpoint.value(at: ["size"]).elements?.map(\.intValue) == [2, 3])
    #expect(try checkpoint.value(at: ["set"]).elements?.map(\.intValue) == [3])
    #expect(try checkpoint.value(at: ["counts", "a"]).intValue == 1)
    guard case .bytes([0, 255, 16]) = try checkpoint.value(at: ["bytes"]) else {
      Issue.record("bytes were not read as bytes")
      return
    }
    guard case .object(let huge) = try checkpoint.value(at: ["huge"]) else {
      Issue.record("a number of more than 64 bits was not kept as an object")
      return
    }
    #expect(huge.module == "builtins" && huge.name == "int")
    #expect(try tensor(checkpoint, "parameter").floats() == [1, 2])
  }

  @Test(arguments: formats) func classesThatAreNotDataAreInert(format: String) throws {
    let checkpoint = try read("checkpoint", format)
    guard case .object(let arguments) = try checkpoint.value(at: ["args"]) else {
      Issue.record("the namespace is not an object")
      return
    }
    #expect(arguments.module == "argparse" && arguments.name == "Namespace")
    #expect(try checkpoint.value(at: ["args", "name"]).stringValue == "dcgan")
    #expect(try checkpoint.value(at: ["args", "lr"]).doubleValue == 2e-4)
    #expect(try checkpoint.value(at: ["args", "sizes", "1"]).intValue == 32)
    guard case .object(let dtype) = try checkpoint.value(at: ["dtype"]),
      case .object(let complex) = try checkpoint.value(at: ["complex"])
    else {
      Issue.record("a type or a complex tensor is not an object")
      return
    }
    #expect(dtype.module == "torch" && dtype.name == "float16" && dtype.arguments == nil)
    #expect(complex.name == "_rebuild_tensor_v2")
    let error = try #require(throws: FileFormatError.self) { try checkpoint.stateDictionary(at: ["args"]) }
    #expect(error.problem.contains("argparse.Namespace") && error.problem.contains("state_dict"))
    // The optimiser's state has integer keys.
    #expect(try tensor(checkpoint, "optimizer", "state", "0", "exp_avg").shape == [2, 1, 3, 3])
    #expect(try checkpoint.value(at: ["optimizer", "param_groups", "0", "betas", "1"]).doubleValue == 0.999)
  }

  @Test(arguments: formats) func nestedStatesAreFlattenedAndOtherLeavesNamed(format: String) throws {
    let checkpoint = try read("checkpoint", format)
    #expect(try checkpoint.stateDictionary(at: ["state"]).map(\.name) == ["0.average", "list.0"])
    let rest = try checkpoint.statesOtherThanTensors(at: ["state"])
    #expect(rest.map(\.name) == ["0.step", "list.1"])
    #expect(rest[0].value.intValue == 1)
  }

  @Test(arguments: formats) func aWrongPathNamesWhatThereIs(format: String) throws {
    let url = fixture("checkpoint.\(format).pth")
    let missing = try #require(throws: FileFormatError.self) {
      try TorchFile.stateDictionary(of: url, at: ["model", "critic"])
    }
    #expect(missing.description.contains("checkpoint.\(format).pth: there is no entry “critic” in “model”"))
    #expect(missing.description.contains("“generator”, “parallel”"))
    let notOne = try #require(throws: FileFormatError.self) {
      try TorchFile.stateDictionary(of: url, at: ["epoch"])
    }
    #expect(notOne.problem.contains("“epoch” holds 7"))
    let through = try #require(throws: FileFormatError.self) {
      try TorchFile.stateDictionary(of: url, at: ["epoch", "a"])
    }
    #expect(through.problem.contains("no entry “a”"))
    let none = try #require(throws: FileFormatError.self) {
      try TorchFile.stateDictionary(of: url, at: ["counts"])
    }
    #expect(none.problem.contains("holds no tensor"))
  }

  @Test func archivesWithTheFieldsOfLongOnesAreRead() throws {
    let long = try read("zip64", "zip").stateDictionary()
    let short = try read("types", "zip").stateDictionary()
    #expect(long.map(\.name) == short.map(\.name))
    #expect(long.map(\.tensor) == short.map(\.tensor))
  }

  @Test func otherPickleProtocolsAndBareStoragesAreRead() throws {
    let four = try read("protocol4", "zip")
    #expect(try tensor(four, "tagged").floats() == [1, 2, 3])
    #expect(try tensor(four, "storage") == HostTensor(shape: [3], dtype: .int16, bytes: [1, 0, 2, 0, 3, 0]))
    #expect(try tensor(try read("protocol1", "legacy"), "weight").floats() == [1.5, -2.5])
  }

  @Test(arguments: formats) func aPickleThatNamesACommandDoesNotRunIt(format: String) throws {
    let value = try read("attack", format)
    guard case .object(let attack) = try value.value(at: ["attack"]) else {
      Issue.record("the call is not an object")
      return
    }
    #expect(attack.name == "system")
    #expect(attack.arguments?.first?.stringValue == "touch atelier-was-executed")
    #expect(try value.stateDictionary().map(\.name) == ["weight"])
    #expect(!FileManager.default.fileExists(atPath: "atelier-was-executed"))
  }
}
