import AtelierData
import Testing

/// Names that are looked up among others.
@Suite struct NamePlaceTests {
  @Test func exactNamesGoBeforeTolerantOnes() {
    let places = NamePlaces(["Anna", "anna", "Bert", "Ren\u{E9}"])
    #expect(places("anna") == 1 && places("Anna") == 0)
    // Two names have this form, so that it tells none of them.
    #expect(places("ANNA") == nil)
    #expect(places("bert") == 2 && places("BERT") == 2 && places("Bertha") == nil)
    #expect(places("Rene\u{301}") == 3 && places("REN\u{C9}") == 3)
    #expect(places.contains("Bert") && !places.contains("bert"))
  }
}
