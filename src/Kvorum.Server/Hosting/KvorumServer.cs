using System.Net;
using System.Security.Cryptography;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Audit;
using Kvorum.Server.Listeners;
using Kvorum.Server.Machine;
using Kvorum.Server.Peers;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Server.Hosting;

/// <summary>
/// A whole server in this process: open this first to embed Kvorum.
/// <code>
/// await using var server = await KvorumServer.StartAsync(new ServerOptions { DataFolder = "./data" });
/// </code>
/// It owns its threads, files and sockets until it is disposed of.
/// </summary>
public sealed class KvorumServer : IAsyncDisposable
{
    private readonly ServerOptions _options;
    private readonly ILogger _log;
    private readonly ServerEvents _events;
    private readonly TcpTransport _transport;
    private readonly TlsKeeper? _tls;
    private readonly AuditLog? _audit;
    private readonly Strangers _strangers = new(TimeProvider.System);
    private readonly string[] _insecure;
    private readonly ThreadJobRunner _jobs;
    private readonly SocketPoller? _poller = SocketPoller.IsSupported ? new() : null;
    private readonly MachineLimits _limits;
    private readonly MachineGauge _machine;
    private readonly KvorumNode _node;
    private readonly LoopThread[] _loops;
    private readonly NodeDoor _door;
    private readonly JwtVerifier? _tokens;
    private readonly FrontEnds _frontEnds;
    private readonly AccessRecoveryRounds _recovery;
    private readonly HandedOverConnections? _peerPort;
    private readonly Lock _gate = new();
    private volatile Task? _stopping;

    private KvorumServer(
        ServerOptions options, MachineLimits limits, ServerParts parts, ILoggerFactory logging)
    {
        _options = options;
        _log = logging.CreateLogger("kvorum");
        Self = parts.Self;
        (_tls, _audit) = (parts.Tls, parts.Audit);
        if (_tls is not null)
            _tls.Audit = _audit;
        _insecure = SecurityRules.PlainOutside(options) is { } open ? [open] : [];
        _events = new(Self.Name, _log);
        _jobs = new(_events.Fatal);
        var lines = new SourceLines(_log, TimeProvider.System);
        var room = new ConnectionRoom(limits.Descriptors?.ConnectionsBelow ?? long.MaxValue, lines, _log);
        _limits = limits;
        _machine = new(limits.Memory, limits.Descriptors, room);
        if (options.KvStoreKeyspace.Length > 0)
            _peerPort = new((IPEndPoint)parts.PeerListener.LocalEndPoint!, logging);
        var transport = options.ForTransport(limits.Plan) with
        {
            Poller = _poller,
            Lines = lines,
            Room = room,
            Others = _peerPort,
            Door = Door("--peer-addr"),
            Dial = parts.Tls is { } keeper ? new(keeper, options.Insecure) : null,
            Claims = _tls is null ? null : new(() => _node, _tls, _audit, _log),
        };
        _transport = new(parts.PeerListener, transport, TimeProvider.System, _log);
        try
        {
            _node = new(options.ForNode(Self, parts.Members, limits.Plan), World(parts));
        }
        catch
        {
            _jobs.Dispose();
            _poller?.Dispose();
            _machine.Dispose();
            throw;
        }

        Self = _node.Self;
        _loops = [.. _node.Loops.Select(
            (loop, index) => new LoopThread(loop, index, PauseOf(index), _events.Fatal))];
        _door = new(
            _node, (long)options.RightsGrace.TotalMilliseconds, TimeProvider.System, lines, _log)
        {
            Users = new(limits.UserBoundsOf(options), lines, _log),
            Tokens = _tokens = parts.Tokens,
            Told = Tell,
        };
        _recovery = new(_node, parts.Files, Self.Name, _audit, _log);
        _frontEnds = new(
            _door, () => _node.ClusterId, options, parts, logging, lines, room,
            limits.TrafficBytesOf(options), _poller,
            _transport.TakeAsker, _peerPort, Door);

        TlsDoor? Door(string listener) =>
            SecurityRules.Door(options, listener, _tls, lines, _log, _strangers, _audit);
    }

    /// <summary>This node's identity and addresses, with the actual ports.</summary>
    public PeerHello Self { get; }

    /// <summary>The node, for callers in the same process.</summary>
    public INode Node => _node;

    /// <summary>What all clients' requests and replies hold.</summary>
    internal TrafficRoom Traffic => _frontEnds.Traffic;

    /// <summary>
    /// Completes, with the reason, when the node cannot go on; the process should end with an error then.
    /// </summary>
    public Task<string> Failed => _events.FirstFatal;

    /// <summary>
    /// Opens the data folder, recovers, and serves. <see cref="ServerStartException"/> says what is wrong
    /// with the options or the machine, flag by flag; <see cref="OperationCanceledException"/> if it was
    /// cancelled while it waited for a port.
    /// </summary>
    public static async Task<KvorumServer> StartAsync(
        ServerOptions options, ILoggerFactory? logging = null, CancellationToken cancelled = default)
    {
        logging ??= NullLoggerFactory.Instance;
        options = Enrolment.Apply(options);
        if (options.Validate() is { Count: > 0 } broken)
            throw new ServerStartException(string.Join(Environment.NewLine, broken));
        await Enrolment.Obtain(options, logging.CreateLogger("kvorum"), cancelled).ConfigureAwait(false);
        options = Enrolment.WithLists(options);
        var limits = MachineLimits.Of(options);
        var parts = await ServerParts.Of(options, logging.CreateLogger("kvorum"), cancelled)
            .ConfigureAwait(false);
        KvorumServer? server = null;
        try
        {
            server = new KvorumServer(options, limits, parts, logging);
            await server.Start().ConfigureAwait(false);
            return server;
        }
        catch (Exception e)
        {
            if (server is not null)
                await server.DisposeAsync().ConfigureAwait(false);
            parts.Dispose();
            if (e is NodeStartException or IOException)
                throw new ServerStartException(e.Message);
            if (e is ThreadStartException or OutOfMemoryException)
                throw new ServerStartException(
                    $"the machine gives no more threads or memory ({e.Message}): raise the limits");
            throw;
        }
    }

    /// <summary>
    /// A clean end: leadership is handed over, what is under way finishes within --shutdown-timeout, then
    /// everything is closed. Repeated calls wait for the same end.
    /// </summary>
    public Task StopAsync()
    {
        lock (_gate)
            return _stopping ??= Task.Run(() => Stop(_options.ShutdownTimeout));
    }

    /// <summary>The state of the node and its replicas.</summary>
    public Task<NodeStatus> StatusAsync()
    {
        var answer = new TaskCompletionSource<NodeStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        _node.AskStatus(answer.SetResult);
        return answer.Task;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    // The first loop serves the sockets.
    private ILoopWaiter PauseOf(int loop) => loop == 0 && _poller is not null ? _poller : new PlainWaiter();

    private NodeWorld World(ServerParts parts) => new()
    {
        Files = parts.Files,
        Keys = parts.Keys,
        Jobs = _jobs,
        Transport = _transport,
        Time = TimeProvider.System,
        RandomSeed = RandomNumberGenerator.GetInt32(int.MaxValue),
        Events = _events,
        Machine = () => _machine.Status,
        Security = () => new()
        {
            StrangersRefused = _strangers.Refused,
            LoginsFailed = _strangers.Failed,
            LoginsDelayed = _strangers.Delayed,
            RequestsRefused = _door.Refusals,
            UserConnectionsRefused = _door.Users.ConnectionsRefused,
            UserRequestsRefused = _door.Users.RequestsRefused,
            UserPiecesDelayed = _door.Users.PiecesDelayed,
            AuditEvents = _audit?.Written,
            AuditEventsLost = _audit?.Lost,
        },
        HealthIssues = () =>
        [
            .. _tls?.HealthIssues ?? [], .. _tokens?.HealthIssues ?? [], .. _insecure,
            .. _audit?.HealthIssue is { } issue ? new[] { issue } : [],
            .. _recovery?.HealthIssue is { } waits ? new[] { waits } : [],
        ],
    };

    // Failed logins of a row are told less and less often.
    private void Tell(AccessEvent happened)
    {
        if (happened.Status == ReplyStatus.Ok)
            _strangers.LoggedIn(happened.Remote);
        var attempts = happened.Status == ReplyStatus.Unauthenticated
            ? _strangers.AttemptFailed(happened.Remote) : 0;
        if (Strangers.IsWorthALine(attempts))
            _audit?.Record(AuditedChanges.Of(happened) with { Attempts = attempts });
    }

    private async Task Start()
    {
        var id = ClusterIdentity.ToGuid(Self.Id.Value);
        var known = _node.ClusterId;
        var cluster = known != Guid.Empty ? $"cluster {known}" : "no cluster yet";
        Log.Starting(
            _log, Self.Name, id, cluster, _node.Map.Members.Count,
            Path.GetFullPath(_options.DataFolder));
        var plan = _limits.Plan;
        Log.Memory(
            _log, plan.LimitBytes >> 20, _limits.Memory.Source,
            (_options.MemTableBytes > 0 ? _options.MemTableBytes : plan.MemTableBytes) >> 20,
            plan.BlockCacheBytes >> 20);
        if (_limits.Descriptors is { } files)
            Log.OpenFiles(_log, files.Limit, files.ConnectionsBelow);
        foreach (var advice in _options.Warnings())
            Log.Unwise(_log, advice);
        foreach (var loop in _loops)
            loop.Start();
        await _frontEnds.Start().ConfigureAwait(false);
        _node.Start();
        Log.Serving(_log, Self.Name, Self.ClientAddress, Self.HttpAddress, Self.PeerAddress);
        _audit?.Record(new("start_node", AuditResult.Ok));
        _recovery.Start();
        _ = ReportReadiness();
    }

    /// <summary>Tells once when the node can serve, and every few seconds why it cannot.</summary>
    private async Task ReportReadiness()
    {
        var told = "";
        for (var poll = 1; _stopping is null && !Failed.IsCompleted; poll++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
            var asked = StatusAsync();
            var first = await Task.WhenAny(asked, Task.Delay(TimeSpan.FromSeconds(10))).ConfigureAwait(false);
            if (first != asked)
                continue;
            var status = await asked.ConfigureAwait(false);
            if (status.IsReady)
            {
                Log.Ready(_log, Self.Name);
                return;
            }

            if (poll % 50 == 0 && status.NotReadyReason != told)
                Log.NotReady(_log, Self.Name, told = status.NotReadyReason);
        }
    }

    private async Task Stop(TimeSpan patience)
    {
        Log.Stopping(_log, Self.Name);
        _recovery.Dispose();
        if (!Failed.IsCompleted)
        {
            var quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _node.BeginShutdown(patience, quiet.SetResult);
            await Task.WhenAny(
                quiet.Task, Task.Delay(patience + TimeSpan.FromSeconds(1))).ConfigureAwait(false);
        }

        await _frontEnds.Stop(patience).ConfigureAwait(false);
        await _frontEnds.DisposeAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        _peerPort?.Dispose();
        _tls?.Dispose();
        if (_tokens is not null)
            await _tokens.DisposeAsync().ConfigureAwait(false);
        await Task.Yield(); // its last connection may have ended on a loop's thread, and this with it
        foreach (var loop in _loops)
            loop.End();
        _jobs.Dispose();
        _poller?.Dispose();
        _node.MarkEnd();
        _machine.Dispose();
        _node.Dispose();
        _audit?.Record(new("stop_node", AuditResult.Ok));
        _audit?.Dispose();
        Log.Stopped(_log, Self.Name);
    }
}
