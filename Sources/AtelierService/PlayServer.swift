import FlyingFox
import FlyingSocks
public import Foundation

/// Serves a page on which a video is played, and what the page asks for.
///
/// - `GET /` is the page, `GET /facts` what it has to know as JSON, `GET /frame` the present frame as PNG.
/// - `POST /step?action=NUMBER` takes an action and gives the next frame, `POST /start?number=NUMBER` begins anew.
///
/// A frame comes with its number and the model's milliseconds in the headers `X-Frame` and `X-Milliseconds`. Requests have
/// no bodies: one above 4 KiB or of unknown length is refused unread. Names other than the own ones and pages of other
/// places are refused, so that a page from elsewhere cannot play.
public final class PlayServer: Sendable {
  /// The most bytes of a request's body.
  public static let largestBody = 4096
  /// The most of a request's target, in bytes.
  static let longestTarget = 1024

  private let host: String
  private let port: UInt16
  private let engine: EngineThread<PlayGame>
  private let server: HTTPServer

  /// A server that does not listen yet.
  ///
  /// - Parameters:
  ///   - host: an IPv4 or IPv6 address of this machine, or `localhost`.
  ///   - port: 0: any that is free.
  ///   - engine: the thread that plays.
  /// - Throws: ``ServiceError/address(host:port:reason:)`` for what is no address.
  public init(host: String, port: UInt16, engine: EngineThread<PlayGame>) throws(ServiceError) {
    (self.host, self.port, self.engine) = (host, port, engine)
    let number = host == "localhost" ? "127.0.0.1" : host
    let handler = PlayHandler(engine: engine, host: number)
    func configured(_ address: some SocketAddress) -> HTTPServer {
      // A frame of a large model takes long.
      HTTPServer(
        config: HTTPServer.Configuration(
          address: address, timeout: 600, sharedRequestReplaySize: Self.largestBody, pool: PromptSockets(),
          logger: .disabled),
        handler: handler)
    }
    do {
      server =
        number.contains(":")
        ? configured(try sockaddr_in6.inet6(ip6: number, port: port))
        : configured(try sockaddr_in.inet(ip4: number, port: port))
    } catch {
      throw .address(host: host, port: Int(port), reason: "it is no IP address and not localhost")
    }
  }

  /// Listens until ``stop()``.
  ///
  /// - Parameter whenListening: told of the page's address.
  /// - Throws: ``ServiceError/address(host:port:reason:)`` for a port that is taken.
  public func run(whenListening: @escaping @Sendable (URL) -> Void) async throws {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.server.run() }
        group.addTask {
          try await self.server.waitUntilListening(timeout: 30)
          if let url = await self.url() { whenListening(url) }
        }
        // Ending is an error to the server.
        defer { group.cancelAll() }
        for try await _ in group {}
      }
    } catch let error as SocketError {
      if case .disconnected = error { return }
      throw ServiceError.address(host: host, port: Int(port), reason: Self.reason(error))
    } catch is CancellationError {}
  }

  private static func reason(_ error: SocketError) -> String {
    guard case .failed(_, _, let message) = error else { return error.localizedDescription }
    return message.lowercased()
  }

  private func url() async -> URL? {
    let port: UInt16
    switch await server.listeningAddress {
    case .ip4(_, let found)?, .ip6(_, let found)?: port = found
    default: return nil
    }
    return URL(string: "http://\(host.contains(":") ? "[\(host)]" : host):\(port)/")
  }

  /// Ends it, with the requests that are under way.
  public func stop() async { await server.stop(timeout: 1) }
}

/// Sends every part of an answer at once. The head and the body are written one after the other; the system would hold the body
/// until the other side acknowledges the head, for which that takes its time, 40 ms on Linux.
private struct PromptSockets: AsyncSocketPool {
  private let pool: any AsyncSocketPool = HTTPServer.defaultPool()

  func prepare() async throws { try await pool.prepare() }

  func run() async throws { try await pool.run() }

  func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
    // A socket that cannot do it is slower.
    try? socket.setValue(true, for: BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY))
    try await pool.suspendSocket(socket, untilReadyFor: events)
  }
}

/// Answers the page.
private struct PlayHandler: HTTPHandler {
  let engine: EngineThread<PlayGame>
  /// The address that is listened at.
  let host: String

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    if let refusal = refusal(of: request) { return refusal }
    let routes = ["/": "GET", "/facts": "GET", "/frame": "GET", "/step": "POST", "/start": "POST"]
    guard let method = routes[request.path] else {
      return Self.text(.notFound, "there is no such page; the page is /")
    }
    guard request.method.rawValue == method else {
      var response = Self.text(.methodNotAllowed, "\(request.path) takes \(method)")
      response.headers[HTTPHeader("Allow")] = method
      return response
    }
    do {
      switch request.path {
      case "/": return Self.page
      case "/facts":
        let body = try JSONEncoder().encode(try await engine.perform { $0.facts })
        return Self.answer(.ok, "application/json", body)
      case "/frame": return Self.frame(try await engine.perform { $0.frame })
      case "/step":
        guard let action = Self.number("action", request) else {
          return Self.text(.badRequest, "name the action as /step?action=NUMBER")
        }
        guard let frame = try await engine.perform({ try $0.take(action) }) else {
          let names = try await engine.perform { $0.facts.actions.map(\.name) }
          return Self.text(
            .badRequest, "there is no action \(action); the actions are \(names.joined(separator: ", "))")
        }
        return Self.frame(frame)
      default:
        guard let number = Self.number("number", request) else {
          return Self.text(.badRequest, "name the first frame as /start?number=NUMBER")
        }
        guard let frame = try await engine.perform({ try $0.begin(number) }) else {
          return Self.text(.badRequest, "there is no first frame \(number)")
        }
        return Self.frame(frame)
      }
    } catch let error as ServiceError {
      return Self.text(.serviceUnavailable, error.description)
    } catch {
      return Self.text(.internalServerError, error.localizedDescription)
    }
  }

  /// What is answered to a request that is too large or comes from elsewhere.
  private func refusal(of request: HTTPRequest) -> HTTPResponse? {
    func closing(_ status: HTTPStatusCode, _ reason: String) -> HTTPResponse {
      var response = Self.text(status, reason)
      response.headers[.connection] = "close"
      return response
    }
    let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
    guard request.headers[.transferEncoding] == nil, length <= PlayServer.largestBody else {
      return closing(
        .payloadTooLarge, "a request has at most \(PlayServer.largestBody) bytes of known length")
    }
    guard request.target.rawValue.utf8.count <= PlayServer.longestTarget else {
      return closing(.uriTooLong, "an address has at most \(PlayServer.longestTarget) bytes")
    }
    guard let asked = request.headers[.host], isOwn(asked) else {
      return closing(.misdirectedRequest, "this is no page of that name; open it by its IP address")
    }
    if let origin = request.headers[HTTPHeader("Origin")], origin != "http://\(asked)" {
      return closing(.forbidden, "pages of \(origin) may not play here")
    }
    return nil
  }

  /// Whether a request names this server: by its address, or where it listens at all by any address, but by no other name,
  /// which somebody else could let point here.
  private func isOwn(_ asked: String) -> Bool {
    var name = asked
    if let colon = name.lastIndex(of: ":"), name.last != "]",
      name[name.index(after: colon)...].allSatisfy(\.isNumber)
    {
      name = String(name[..<colon])
    }
    let bare = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
    if ["localhost", "127.0.0.1", "::1", host].contains(bare) { return true }
    guard host == "0.0.0.0" || host == "::" else { return false }
    return (try? sockaddr_in.inet(ip4: bare, port: 0)) != nil
      || (try? sockaddr_in6.inet6(ip6: bare, port: 0)) != nil
  }

  private static func number(_ name: String, _ request: HTTPRequest) -> Int? {
    let items = request.query.filter { $0.name == name }
    return items.count == 1 ? Int(items[0].value) : nil
  }

  // MARK: Answers

  private static func answer(_ status: HTTPStatusCode, _ type: String, _ body: Data) -> HTTPResponse {
    HTTPResponse(
      statusCode: status,
      headers: [
        .contentType: type, .cacheControl: "no-store", HTTPHeader("X-Content-Type-Options"): "nosniff",
      ], body: body)
  }

  private static func text(_ status: HTTPStatusCode, _ sentence: String) -> HTTPResponse {
    answer(status, "text/plain; charset=utf-8", Data((sentence + "\n").utf8))
  }

  private static func frame(_ frame: PlayGame.Frame) -> HTTPResponse {
    var response = answer(.ok, "image/png", Data(frame.png))
    response.headers[HTTPHeader("X-Frame")] = String(frame.number)
    response.headers[HTTPHeader("X-Milliseconds")] = String(format: "%.2f", frame.milliseconds)
    return response
  }

  private static let page: HTTPResponse = {
    var response = answer(.ok, "text/html; charset=utf-8", Data(PlayPage.html.utf8))
    response.headers[HTTPHeader("Content-Security-Policy")] =
      "default-src 'none'; img-src blob:; connect-src 'self'; script-src 'unsafe-inline'; "
      + "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return response
  }()
}
