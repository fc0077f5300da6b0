import AtelierMedia
import Foundation
import Testing

/// What a machine lacks is no fault of a file.
@Suite struct ShortageTests {
  @Test func fileHandlesAndThreadsAreNamed() {
    for words in [
      "Too many open files", "unable to create thread",
      "Error creating thread: Resource temporarily unavailable",
    ] {
      let error = ImageError.damaged(file: "a.png", reason: words).blamingTheMachine
      guard case .exhausted(file: "a.png", let reason) = error else {
        Issue.record("\(words): \(error)")
        continue
      }
      #expect(reason.contains(words.contains("files") ? "ulimit" : "thread"))
      #expect(!error.description.contains("damaged") && !error.description.contains("cut short"))
    }
    #expect(Shortage.reason(EMFILE) != nil && Shortage.reason(ENOENT) == nil)
    #expect(Shortage.reason(NSError(domain: NSPOSIXErrorDomain, code: Int(EMFILE))) != nil)
  }

  @Test func aFullDiskIsNamedByNumberWordsOrWhatIsFree() throws {
    let here = FileManager.default.temporaryDirectory.appendingPathComponent("a.wav")
    #expect(Shortage.fullDisk(ENOSPC, writing: nil)?.contains("the disk is full") == true)
    #expect(Shortage.fullDisk(words: "av_write: No space left on device\n", writing: nil) != nil)
    #expect(Shortage.fullDisk(ENOENT, words: "no such file", writing: nil) == nil)
    // The file need not be there.
    #expect(Shortage.fullDisk(writing: here, room: .max) != nil)
    #expect(Shortage.fullDisk(writing: here, room: 0) == nil)
    #expect(Shortage.fullDisk(writing: URL(fileURLWithPath: "/nowhere/a.wav"), room: .max) == nil)
  }

  @Test func aDamagedFileStaysDamaged() {
    for words in ["premature end of JPEG image", "out of memory allocating 12345678901 bytes", "bad header"] {
      let error = ImageError.damaged(file: "a.png", reason: words)
      #expect(error.blamingTheMachine == error)
    }
  }
}
