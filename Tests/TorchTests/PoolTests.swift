#if os(Linux)
  import Testing
  import Torch

  /// The pool belongs to the whole process, so that each test begins one of its own.
  @Suite struct PoolTests {
    @Test func pagesOfATensorThatIsGoneServeTheNextOfItsSize() async {
      await #expect(processExitsWith: .success) {
        Engine.keepFreedMemory()
        let size = 1 << 22
        do {
          let first = Tensor.zeros([1 << 20])
          check(Engine.poolFigures()?.held == size, "the tensor is counted")
          check(first.sum().item() == 0, "its values are there")
        }
        let between = Engine.poolFigures()
        check(between?.held == 0 && between?.kept == size && between?.peak == size, "its pages are kept")
        let second = Tensor.ones([1 << 20])
        let after = Engine.poolFigures()
        check(after?.held == size && after?.kept == 0 && after?.peak == size, "and used again")
        check(second.sum().item() == Double(1 << 20), "with new values")
      }
    }

    @Test func smallTensorsStayWithTheCLibrary() async {
      await #expect(processExitsWith: .success) {
        Engine.keepFreedMemory()
        let small = Tensor.ones([1000])
        check(Engine.poolFigures()?.held == 0, "the pool is for large tensors")
        check(small.sum().item() == 1000, "small ones work as ever")
      }
    }

    /// Tensors of many sizes come and go; each keeps its own value, and live and kept pages together never
    /// exceed what was alive at one time.
    @Test func tensorsKeepTheirValuesAndThePoolItsBound() async {
      await #expect(processExitsWith: .success) {
        Engine.keepFreedMemory()
        var alive: [(tensor: Tensor, value: Double)] = []
        var state: UInt64 = 7
        func draw(below bound: Int) -> Int {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Int(state >> 33) % bound
        }
        for step in 0..<300 {
          if alive.count > 6 || (!alive.isEmpty && draw(below: 3) == 0) {
            let (tensor, value) = alive.remove(at: draw(below: alive.count))
            check(tensor.min().item() == value && tensor.max().item() == value, "nobody else wrote here")
          } else {
            // From under a megabyte, past the size of a large page, with odd ends.
            let count = 100_000 + draw(below: 1_500_000)
            alive.append((.full([count], Double(step)), Double(step)))
          }
          let figures = Engine.poolFigures()
          check(figures != nil, "there is a pool")
          guard let figures else { return }
          check(figures.held + figures.kept <= figures.peak, "no more than was alive at one time")
        }
      }
    }

    @Test func aTensorFromBeforeThePoolIsFreedAsItWasMade() async {
      await #expect(processExitsWith: .success) {
        var before: Tensor? = Tensor.ones([1 << 20])
        Engine.keepFreedMemory()
        check(before?.sum().item() == Double(1 << 20), "its values stay")
        before = nil
        check(Engine.poolFigures()?.kept == 0, "its memory was not the pool's")
      }
    }
  }
#endif
