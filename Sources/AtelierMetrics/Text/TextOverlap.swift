/// ROUGE-L (Lin 2004): the F-score of the longest common subsequence of words, the mean over texts, 0 … 1. Words are
/// runs of letters and digits in small letters; of several references the best counts.
///
/// - Throws: `MetricError` for other numbers of references than of texts.
public func rougeL(_ texts: [String], references: [[String]]) throws -> Double {
  try checkTexts(texts, references)
  func words(_ text: String) -> [String] {
    text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
  }
  let scores = zip(texts, references).map { text, own -> Double in
    let found = words(text)
    return own.map { reference -> Double in
      let wanted = words(reference)
      let common = Double(longestCommonSubsequence(found, wanted))
      guard common > 0 else { return 0 }
      let (precision, recall) = (common / Double(found.count), common / Double(wanted.count))
      return 2 * precision * recall / (precision + recall)
    }.max() ?? 0
  }
  return scores.reduce(0, +) / Double(scores.count)
}

private func longestCommonSubsequence(_ one: [String], _ other: [String]) -> Int {
  var row = [Int](repeating: 0, count: other.count + 1)
  for word in one {
    var diagonal = 0
    for (index, candidate) in other.enumerated() {
      let above = row[index + 1]
      row[index + 1] = word == candidate ? diagonal + 1 : max(above, row[index])
      diagonal = above
    }
  }
  return row[other.count]
}

/// Distinct-n (Li et al. 2016): the share of different runs of `order` words among all of them, 0 … 1; small where texts
/// repeat themselves or each other.
///
/// - Throws: `MetricError` where no text has so many words.
public func distinctRuns(_ texts: [String], order: Int, _ tokenization: TextTokenization = .none) throws
  -> Double
{
  var all: [ArraySlice<String>: Int] = [:]
  for text in texts where order >= 1 {
    all.merge(runs(of: order, in: tokenization(text)), uniquingKeysWith: +)
  }
  let total = all.values.reduce(0, +)
  guard total > 0 else {
    throw MetricError("no text has \(order) words, so that there is nothing to tell apart")
  }
  return Double(all.count) / Double(total)
}

/// The share of texts that equal one of their references, 0 … 1.
///
/// - Throws: `MetricError` for other numbers of references than of texts.
public func exactMatch(_ texts: [String], references: [[String]]) throws -> Double {
  try checkTexts(texts, references)
  return Double(zip(texts, references).count { $1.contains($0) }) / Double(texts.count)
}
