using System.Diagnostics;
using Kvorum.Node;
using Kvorum.Node.Room;
using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Kvorum.Server.Grpc;

/// <summary>
/// One call on the server: its metadata, deadline, and the way back. Owned by the call's handler; not to be
/// kept when the handler is done.
/// </summary>
public sealed class GrpcCall
{
    private const int LargeReplyBytes = TrafficRoom.SmallBytesMax;

    private readonly IFeatureCollection _features;
    private readonly IHttpRequestFeature _request;
    private readonly IHttpResponseFeature _response;
    private readonly ConnectionTraffic _traffic;
    private readonly CancellationTokenSource _cancel = CancellationPool.Rent();
    private CancellationTokenRegistration _abort;
    private AdmittedBodyReader _body = null!;
    private SlicedPipeWriter _output = null!;
    private TimeSpan? _timeout;
    private long _started;
    private volatile bool _clientGone;

    internal GrpcCall(IFeatureCollection features, CancellationToken stopping)
    {
        _features = features;
        _request = features.GetRequiredFeature<IHttpRequestFeature>();
        _response = features.GetRequiredFeature<IHttpResponseFeature>();
        Body = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _traffic = features.GetRequiredFeature<ConnectionTraffic>();
        Lease = new(_traffic.Replies) { Copies = 2 }; // as the node made it, and as a message
        Stopping = stopping;
        Cancelled = _cancel.Token;
    }

    /// <summary>The method: "/package.Service/Method".</summary>
    public string Path => _request.Path;

    /// <summary>Metadata of the request, HTTP headers included.</summary>
    public IHeaderDictionary Headers => _request.Headers;

    /// <summary>Metadata to be sent before the first message.</summary>
    public IHeaderDictionary ResponseHeaders => _response.Headers;

    /// <summary>
    /// Metadata to be sent beside an OK status; a <see cref="GrpcException"/> brings its own.
    /// </summary>
    public GrpcTrailers Trailers { get; } = [];

    /// <summary>Fires when the deadline passes or the client has gone.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>Fires when the server is asked to stop: long streams must end soon.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Time until the deadline, at least zero; null without one.</summary>
    public TimeSpan? TimeLeft
    {
        get
        {
            if (_timeout is not { } timeout)
                return null;
            var left = timeout - Stopwatch.GetElapsedTime(_started);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    internal GrpcReader Reader { get; private set; } = null!;

    internal GrpcWriter Writer { get; private set; } = null!;

    internal IHttpResponseBodyFeature Body { get; }

    /// <summary>What the call's replies hold of the connection's share until they have left.</summary>
    internal ReplyLease Lease { get; }

    /// <summary>What requests of this connection may hold.</summary>
    internal ByteShare Requests => _traffic.Requests;

    /// <summary>True while a reply waits that is worth being sent apart from the end of the call.</summary>
    internal bool HasLargeReply => _output.HasSlices || Lease.Held >= LargeReplyBytes;

    internal bool HasClientGone => _clientGone;

    internal bool HasDeadlinePassed =>
        TimeLeft is { } left && (left == TimeSpan.Zero || _cancel.IsCancellationRequested);

    internal string Id => _features.Get<IHttpRequestIdentifierFeature>()?.TraceIdentifier ?? "";

    /// <summary>
    /// Bytes under a name that ends in "-bin", padded base64 or not; null if absent. <see
    /// cref="FormatException"/> if they are not base64.
    /// </summary>
    public byte[]? BinaryHeader(string name)
    {
        var text = Headers[name].ToString();
        if (text.Length == 0)
            return null;
        var comma = text.IndexOf(',', StringComparison.Ordinal);
        var first = (comma < 0 ? text : text[..comma]).TrimEnd('=');
        return Convert.FromBase64String(first.PadRight((first.Length + 3) / 4 * 4, '='));
    }

    /// <summary>Asks the node; the reply holds its room until <see cref="FlushAsync"/>.</summary>
    internal Task<Reply> AskAsync(INode node, Request request, TimeSpan timeoutDefault) =>
        node.SubmitAsync(request, TimeLeft ?? timeoutDefault, Lease, Cancelled);

    /// <summary>Sends what was written, and gives back the room of the replies in it.</summary>
    internal async ValueTask FlushAsync()
    {
        await Writer.FlushAsync().ConfigureAwait(false);
        Lease.Release();
    }

    /// <summary>
    /// The call takes messages for as long as its client likes: what one holds is counted while it comes.
    /// </summary>
    internal void TakesManyMessages() => _body.TakesManyMessages();

    /// <summary>Reads the headers that steer the call and starts the clock.</summary>
    internal void Open(GrpcOptions options)
    {
        _response.Headers.ContentType = "application/grpc";
        if (_features.Get<IHttpRequestLifetimeFeature>() is { } lifetime)
            _abort = lifetime.RequestAborted.UnsafeRegister(
                static call => ((GrpcCall)call!).ClientGone(), this);
        StartClock(options);
        var encoding = Headers["grpc-encoding"].ToString();
        if (encoding is not ("" or GrpcEncoding.Identity or GrpcEncoding.Gzip))
            throw UnknownEncoding(encoding);
        var compress = encoding == GrpcEncoding.Gzip
            && GrpcEncoding.AcceptsGzip(Headers["grpc-accept-encoding"]);
        if (compress)
            _response.Headers["grpc-encoding"] = GrpcEncoding.Gzip;
        var body = _features.GetRequiredFeature<IRequestBodyPipeFeature>();
        _body = new(body.Reader, _traffic, options.MessageBytesMax);
        Reader = new(_body, encoding, options.MessageBytesMax, Cancelled);
        _output = new(Body.Writer, Lease.Progress);
        Writer = new(_output, compress, Cancelled);
    }

    /// <summary>
    /// Puts the status where the client will look: into the headers if nothing was sent, else into the
    /// trailers.
    /// </summary>
    internal void SetStatus(GrpcStatus status, string message, GrpcTrailers trailers)
    {
        var isTrailersOnly = Writer is not { HasWritten: true } && !_response.HasStarted;
        var into = isTrailersOnly
            ? _response.Headers
            : _features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        into["grpc-status"] = StatusText(status);
        if (message.Length > 0)
            into["grpc-message"] = GrpcText.EncodeMessage(message);
        foreach (var (name, value) in trailers)
            into[name] = StringValues.Concat(into[name], value); // Append drops empty values.
    }

    /// <summary>
    /// Ends the response. If the client may still be sending, its stream is then reset with NO_ERROR: any
    /// other code would make clients forget the status.
    /// </summary>
    internal async Task EndAsync()
    {
        if (Reader is null || Reader.SeemsEnded())
            return;
        await Body.CompleteAsync().ConfigureAwait(false);
        _features.Get<IHttpResetFeature>()?.Reset(errorCode: 0);
    }

    internal void Close()
    {
        _abort.Dispose();
        _body?.Close();
        Lease.Dispose();
        CancellationPool.Return(_cancel);
    }

    private void StartClock(GrpcOptions options)
    {
        var text = Headers["grpc-timeout"].ToString();
        if (text.Length == 0)
            return;
        if (!GrpcText.TryParseTimeout(text, options.TimeoutMax, out var timeout))
            throw new GrpcException(GrpcStatus.Internal, $"grpc-timeout is malformed: {text}");
        _started = Stopwatch.GetTimestamp();
        _timeout = timeout;
        if (timeout == TimeSpan.Zero)
            throw new GrpcException(
                GrpcStatus.DeadlineExceeded, "the deadline had passed when the call arrived");
        _cancel.CancelAfter(timeout + TimeSpan.FromMilliseconds(1));
    }

    private GrpcException UnknownEncoding(string encoding)
    {
        _response.Headers["grpc-accept-encoding"] = GrpcEncoding.Accepted;
        return new(
            GrpcStatus.Unimplemented, $"grpc-encoding {encoding} is not known; known are {GrpcEncoding.Accepted}");
    }

    private void ClientGone()
    {
        _clientGone = true;
        _cancel.Cancel();
    }

    private static string StatusText(GrpcStatus status) => status switch
    {
        GrpcStatus.Ok => "0",
        _ => ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
