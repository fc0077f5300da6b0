import Foundation
import Testing
import Torch

/// Pickles of `{"layer": {"kernel": [[0, 1, 2], [3, 4, 5]] float32, "fortran": the same in Fortran order},
/// "list": [[1, 2, 3] int64, 2.5 float64], "big": [1] of big-endian float32, "text": "x"}` by numpy 2.
private let pickles: [Int: String] = [
  2:
    "gAJ9cQAoWAUAAABsYXllcnEBfXECKFgGAAAAa2VybmVscQNjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQRj"
    + "bnVtcHkKbmRhcnJheQpxBUsAhXEGY19jb2RlY3MKZW5jb2RlCnEHWAEAAABicQhYBgAAAGxhdGluMXEJhnEKUnELh3EMUnENKEsB"
    + "SwJLA4ZxDmNudW1weQpkdHlwZQpxD1gCAAAAZjRxEImIh3ERUnESKEsDWAEAAAA8cRNOTk5K/////0r/////SwB0cRRiiWgHWBsA"
    + "AAAAAAAAAADCgD8AAABAAABAQAAAwoBAAADCoEBxFWgJhnEWUnEXdHEYYlgHAAAAZm9ydHJhbnEZaARoBUsAhXEaaAuHcRtScRwo"
    + "SwFLAksDhnEdaBKIaAdYGwAAAAAAAAAAAEBAAADCgD8AAMKAQAAAAEAAAMKgQHEeaAmGcR9ScSB0cSFidVgEAAAAbGlzdHEiXXEj"
    + "KGgEaAVLAIVxJGgLh3ElUnEmKEsBSwOFcSdoD1gCAAAAaThxKImIh3EpUnEqKEsDaBNOTk5K/////0r/////SwB0cStiiWgHWBgA"
    + "AAABAAAAAAAAAAIAAAAAAAAAAwAAAAAAAABxLGgJhnEtUnEudHEvYmgEaAVLAIVxMGgLh3ExUnEyKEsBKWgPWAIAAABmOHEziYiH"
    + "cTRScTUoSwNoE05OTkr/////Sv////9LAHRxNmKJaAdYCAAAAAAAAAAAAARAcTdoCYZxOFJxOXRxOmJlWAMAAABiaWdxO2gEaAVL"
    + "AIVxPGgLh3E9UnE+KEsBSwGFcT9oD1gCAAAAZjRxQImIh3FBUnFCKEsDWAEAAAA+cUNOTk5K/////0r/////SwB0cURiiWgHWAUA"
    + "AAA/woAAAHFFaAmGcUZScUd0cUhiWAQAAAB0ZXh0cUlYAQAAAHhxSnUu",
  4:
    "gASV/QEAAAAAAAB9lCiMBWxheWVylH2UKIwGa2VybmVslIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJST"
    + "lIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwJLA4aUaAeMBWR0eXBllJOUjAJmNJSJiIeUUpQoSwOMATyUTk5O"
    + "Sv////9K/////0sAdJRiiUMYAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAlHSUYowHZm9ydHJhbpRoBmgJSwCFlGgLh5RSlChLAUsC"
    + "SwOGlGgTiEMYAAAAAAAAQEAAAIA/AACAQAAAAEAAAKBAlHSUYnWMBGxpc3SUXZQoaAZoCUsAhZRoC4eUUpQoSwFLA4WUaBCMAmk4"
    + "lImIh5RSlChLA2gUTk5OSv////9K/////0sAdJRiiUMYAQAAAAAAAAACAAAAAAAAAAMAAAAAAAAAlHSUYmgGaAlLAIWUaAuHlFKU"
    + "KEsBKWgQjAJmOJSJiIeUUpQoSwNoFE5OTkr/////Sv////9LAHSUYolDCAAAAAAAAARAlHSUYmWMA2JpZ5RoBmgJSwCFlGgLh5RS"
    + "lChLAUsBhZRoEIwCZjSUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYolDBD+AAACUdJRijAR0ZXh0lIwBeJR1Lg==",
  5:
    "gAWV1gEAAAAAAAB9lCiMBWxheWVylH2UKIwGa2VybmVslIwTbnVtcHkuX2NvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYY"
    + "AAAAAAAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQJSMBW51bXB5lIwFZHR5cGWUk5SMAmY0lImIh5RSlChLA4wBPJROTk5K////"
    + "/0r/////SwB0lGJLAksDhpSMAUOUdJRSlIwHZm9ydHJhbpRoBiiWGAAAAAAAAAAAAAAAAABAQAAAgD8AAIBAAAAAQAAAoECUaA1L"
    + "AksDhpSMAUaUdJRSlHWMBGxpc3SUXZQoaAYolhgAAAAAAAAAAQAAAAAAAAACAAAAAAAAAAMAAAAAAAAAlGgKjAJpOJSJiIeUUpQo"
    + "SwNoDk5OTkr/////Sv////9LAHSUYksDhZRoEXSUUpRoBiiWCAAAAAAAAAAAAAAAAAAEQJRoCowCZjiUiYiHlFKUKEsDaA5OTk5K"
    + "/////0r/////SwB0lGIpaBF0lFKUZYwDYmlnlGgGKJYEAAAAAAAAAD+AAACUaAqMAmY0lImIh5RSlChLA4wBPpROTk5K/////0r/"
    + "////SwB0lGJLAYWUaBF0lFKUjAR0ZXh0lIwBeJR1Lg==",
]

@Suite struct PickleFileTests {
  private func read(_ bytes: [UInt8]) throws -> PickleValue {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("arrays.pkl")
      try Data(bytes).write(to: file)
      return try PickleFile.read(file)
    }
  }

  @Test(arguments: [2, 4, 5]) func numpysArraysBecomeTensors(version: Int) throws {
    let data = try #require(Data(base64Encoded: pickles[version] ?? ""))
    let value = try read([UInt8](data))
    let state = try value.stateDictionary()
    #expect(state.map(\.name) == ["layer.kernel", "layer.fortran", "list.0", "list.1"])
    #expect(state[0].tensor == HostTensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
    #expect(state[1].tensor == state[0].tensor)
    #expect(state[2].tensor == HostTensor([1, 2, 3]))
    #expect(state[3].tensor == HostTensor([2.5] as [Double], shape: []))
    // Another machine's byte order is not guessed at.
    #expect(try value.value(at: ["big"]).tensorValue == nil)
    #expect(try value.value(at: ["text"]).stringValue == "x")
  }

  @Test func damagedPicklesAreRefusedAndNeverCrash() throws {
    let whole = [UInt8](try #require(Data(base64Encoded: pickles[4] ?? "")))
    for bytes in mutations(of: whole, count: 400, seed: 5) {
      // Either an error or values, whatever they are.
      _ = try? read(bytes).stateDictionary()
    }
    #expect(throws: FileFormatError.self) { try read(Array(whole.prefix(100))) }
    #expect(throws: FileFormatError.self) { try read(Array("hello".utf8)) }
    #expect(throws: FileFormatError.self) { try read([]) }
  }

  @Test func shapesThatDoNotFitTheirBytesAreNoTensors() throws {
    var bytes = [UInt8](try #require(Data(base64Encoded: pickles[4] ?? "")))
    // The kernel's shape (2, 3) becomes (2, 200).
    let shape: [UInt8] = [0x4B, 2, 0x4B, 3, 0x86]
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: shape) })
    bytes[place + 3] = 200
    #expect(try read(bytes).value(at: ["layer", "kernel"]).tensorValue == nil)
  }
}
