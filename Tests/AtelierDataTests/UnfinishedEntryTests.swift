import AtelierData
import Foundation
import Testing

/// What is being made in the user's cache, and what a kill leaves of it.
@Suite struct UnfinishedEntryTests {
  private func names(_ folder: URL) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
  }

  @Test func whatNobodyMakesAnyMoreIsRemovedWithTheNext() throws {
    try withTemporaryFolder { folder in
      // What a kill leaves: hidden, of such a name, and held by nobody.
      try folder.write(".\(UUID().uuidString)", "half a file")
      try folder.write(".\(UUID().uuidString)/inside/file", "half a folder")
      for name in ["000000.tar", ".keep", ".\(UUID().uuidString).txt"] { try folder.write(name, "kept") }
      let kept = try names(folder).filter {
        $0.hasSuffix("tar") || $0.hasSuffix("keep") || $0.hasSuffix("txt")
      }
      let held = try UnfinishedEntry(in: folder)
      #expect(try names(folder) == kept.union([held.place.lastPathComponent]))
      // One that is being made is left alone.
      let other = try UnfinishedEntry(in: folder, isFolder: true)
      let both = try names(folder)
      #expect(both == kept.union([held.place.lastPathComponent, other.place.lastPathComponent]))
      withExtendedLifetime((held, other)) {}
    }
  }

  @Test func itIsMovedWholeOrRemoved() throws {
    try withTemporaryFolder { folder in
      do {
        let entry = try UnfinishedEntry(in: folder)
        try FileHandle(fileDescriptor: entry.descriptor, closeOnDealloc: false).write(
          contentsOf: Data("whole".utf8))
        #expect(entry.move(to: folder.appendingPathComponent("file")))
        _ = try UnfinishedEntry(in: folder)
        let inside = try UnfinishedEntry(in: folder, isFolder: true)
        try inside.place.write("image.png", "an image")
        #expect(!inside.move(to: folder.appendingPathComponent("file")))
      }
      #expect(try names(folder) == ["file"])
      #expect(try String(contentsOf: folder.appendingPathComponent("file"), encoding: .utf8) == "whole")
    }
  }

  /// The lock is that of whoever has the file open, such as a command that writes to it on.
  @Test func aCommandThatStillWritesHoldsIt() throws {
    try withTemporaryFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      // It ends with its input.
      process.arguments = ["-c", "cat"]
      let input = Pipe()
      process.standardInput = input
      let place: URL
      do {
        let entry = try UnfinishedEntry(in: folder)
        process.standardOutput = FileHandle(fileDescriptor: entry.descriptor, closeOnDealloc: false)
        try process.run()
        place = folder.appendingPathComponent(".\(UUID().uuidString)")
        // As if the maker had been killed: nothing removes it.
        #expect(entry.move(to: place))
      }
      UnfinishedEntry.removeAbandoned(in: folder)
      #expect(FileManager.default.fileExists(atPath: place.path))
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
      UnfinishedEntry.removeAbandoned(in: folder)
      #expect(!FileManager.default.fileExists(atPath: place.path))
    }
  }
}
