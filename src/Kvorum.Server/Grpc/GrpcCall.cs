using System.Diagnostics;
using System.IO.Pipelines;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Grpc;

/// <summary>
/// What one call holds of its connection's shares, and its time: a feature of the request, which stands
/// between the library and the web server's bodies. Ends with the request.
/// </summary>
internal sealed class GrpcCall : IRequestBodyPipeFeature, IHttpResponseBodyFeature, IDisposable
{
    private const int LargeReplyBytes = TrafficRoom.SmallBytesMax;

    private readonly HttpContext _http;
    private readonly ConnectionTraffic _traffic;
    private readonly IHttpResponseBodyFeature _response;
    private readonly AdmittedBody _body;
    private readonly SlicedPipeWriter _output;
    private readonly TimeSpan? _timeout;
    private readonly long _started;
    private UserPlaces? _entered;

    private GrpcCall(HttpContext http, TimeSpan? timeout, GrpcOptions options, CancellationToken stopping)
    {
        _http = http;
        _timeout = timeout;
        if (timeout is not null)
            _started = Stopwatch.GetTimestamp();
        Stopping = stopping;
        _traffic = (ConnectionTraffic)http.Features[typeof(ConnectionTraffic)]!;
        Lease = new(_traffic.Replies) { Copies = 2 }; // as the node made it, and as a message
        _body = new(
            http.Request.BodyReader, this, _traffic, options.MessageBytesMax,
            isCompressed: http.Request.Headers["grpc-encoding"] == Gzip.Name);
        _response = (IHttpResponseBodyFeature)http.Features[typeof(IHttpResponseBodyFeature)]!;
        _output = new(_response.Writer, Lease.Progress);
    }

    /// <summary>Fires when the server is asked to stop: long streams must end soon.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>The request's body.</summary>
    public AdmittedBody Body => _body;

    /// <summary>What the call's replies hold of the connection's share until they have left.</summary>
    public ReplyLease Lease { get; }

    /// <summary>What requests of this connection may hold.</summary>
    public ByteShare Requests => _traffic.Requests;

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

    /// <summary>True once its client has taken it back or is not connected any more.</summary>
    public bool HasClientGone => Aborted.IsCancellationRequested;

    /// <summary>Fires when its client has taken it back or is not connected any more.</summary>
    public CancellationToken Aborted => _http.RequestAborted;

    /// <summary>True once its time has run out.</summary>
    public bool HasDeadlinePassed => TimeLeft == TimeSpan.Zero;

    PipeReader IRequestBodyPipeFeature.Reader => _body;

    Stream IHttpResponseBodyFeature.Stream => _response.Stream;

    PipeWriter IHttpResponseBodyFeature.Writer => _output;

    /// <summary>Begins with the request.</summary>
    public static GrpcCall Open(
        HttpContext http, TimeSpan? timeout, GrpcOptions options, CancellationToken stopping)
    {
        var call = new GrpcCall(http, timeout, options, stopping);
        http.Features[typeof(IRequestBodyPipeFeature)] = call;
        http.Features[typeof(IHttpResponseBodyFeature)] = call;
        return call;
    }

    /// <summary>The call that a handler serves.</summary>
    public static GrpcCall Of(ServerCallContext context) => Of(context.GetHttpContext());

    /// <summary>
    /// The call of a request: found by the feature that comes early in the web server's list of them.
    /// </summary>
    public static GrpcCall Of(HttpContext http) =>
        (GrpcCall)http.Features[typeof(IHttpResponseBodyFeature)]!;

    /// <summary>It counts for its user from now on, until it ends; null: for nobody.</summary>
    public void Hold(UserPlaces? entered) => _entered = entered;

    /// <summary>
    /// The call takes messages for as long as its client likes: what one holds is counted while it comes.
    /// </summary>
    public void TakesManyMessages() => _body.TakesManyMessages();

    /// <summary>
    /// Asks the node in the name of the caller; the reply holds its room until the lease is released, or the
    /// call has ended.
    /// </summary>
    public Task<Reply> AskAsync(
        INode node, Request request, TimeSpan timeoutDefault, CancellationToken cancelled,
        bool bringsVersion = false) =>
        node.For(_http).SubmitAsync(
            request, TimeLeft ?? timeoutDefault, Lease, cancelled, bringsVersion);

    /// <summary>
    /// Waits until a large reply has left. A small one leaves with the end of the call, in one write with its
    /// status.
    /// </summary>
    public async ValueTask FinishAsync()
    {
        if (!_output.HasSlices && Lease.Held < LargeReplyBytes)
            return;
        await _output.FlushAsync(Aborted).ConfigureAwait(false);
        Lease.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _body.Close();
        Lease.Dispose();
        Interlocked.Exchange(ref _entered, null)?.Leave();
    }

    Task IHttpResponseBodyFeature.CompleteAsync() => _response.CompleteAsync();

    void IHttpResponseBodyFeature.DisableBuffering() => _response.DisableBuffering();

    Task IHttpResponseBodyFeature.SendFileAsync(
        string path, long offset, long? count, CancellationToken cancellationToken) =>
        _response.SendFileAsync(path, offset, count, cancellationToken);

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken) =>
        _response.StartAsync(cancellationToken);
}
