using System.Net;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server;

/// <summary>
/// All log lines of the server, one event each. Event ids are stable: alerts and searches are built on them.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "peer {Name} ({Address}) is up")]
    public static partial void PeerUp(ILogger log, string name, string address);

    [LoggerMessage(101, LogLevel.Warning, "peer {Name} ({Address}) is lost: {Why}")]
    public static partial void PeerLost(ILogger log, string name, string address, string why);

    [LoggerMessage(102, LogLevel.Warning, "peer {Name} ({Address}) cannot be reached: {Why}; trying on")]
    public static partial void PeerUnreachable(ILogger log, string name, string address, string why);

    [LoggerMessage(103, LogLevel.Error, "peer {Name} ({Address}) and this node refuse each other: {Why}")]
    public static partial void PeerRefused(ILogger log, string name, string address, string why);

    [LoggerMessage(104, LogLevel.Error, "refused a connection to the peer port from {Remote}: {Why}")]
    public static partial void IncomingRefused(ILogger log, EndPoint? remote, string why);

    [LoggerMessage(105, LogLevel.Debug, "a connection from peer {Name} ended: {Why}")]
    public static partial void IncomingEnded(ILogger log, string name, string why);

    [LoggerMessage(106, LogLevel.Information, "peer {Name} has moved to {Address}")]
    public static partial void PeerMoved(ILogger log, string name, string address);

    [LoggerMessage(107, LogLevel.Warning,
        "{Listener} cannot take connections, and tries again: {Why}")]
    public static partial void CannotAccept(ILogger log, EndPoint? listener, string why);

    [LoggerMessage(110, LogLevel.Warning,
        "the connection of {Remote} was closed: {Below} open files are in use, and the rest is kept for the "
        + "node's own; raise the limit (ulimit -n){Note}")]
    public static partial void ConnectionRefused(ILogger log, EndPoint? remote, long below, string note);

    [LoggerMessage(108, LogLevel.Warning,
        "{Count} more lines about connections from {Source} were held back in the last minute")]
    public static partial void LinesHeldBack(ILogger log, int count, string source);

    [LoggerMessage(109, LogLevel.Warning,
        "{Flag} {Endpoint}: the port is in use, by another process or by an outgoing connection; waiting for "
        + "it, {Seconds} s at most (ss -tanp 'sport = :{Port}' shows what has it)")]
    public static partial void WaitsForPort(
        ILogger log, string flag, EndPoint endpoint, double seconds, int port);

    [LoggerMessage(111, LogLevel.Warning,
        "peer {Name} ({Address}) does not take this node for a member: {Why}; trying on")]
    public static partial void NotTakenForMember(ILogger log, string name, string address, string why);

    [LoggerMessage(112, LogLevel.Warning, "refused a connection to the peer port from {Remote}: {Why}")]
    public static partial void NoMemberRefused(ILogger log, EndPoint? remote, string why);

    [LoggerMessage(113, LogLevel.Information, "peer {Name} ({Address}) is no member any more: disconnected")]
    public static partial void PeerLeft(ILogger log, string name, string address);

    [LoggerMessage(114, LogLevel.Information, "{Remote} has shown a join token: {What}")]
    public static partial void TokenUsed(ILogger log, EndPoint? remote, string what);

    [LoggerMessage(115, LogLevel.Information,
        "join token {Id} has brought this node's certificate, {File}, from {Address}")]
    public static partial void Enrolled(ILogger log, string id, string file, string address);

    [LoggerMessage(116, LogLevel.Warning,
        "no member gives a certificate for join token {Id} yet: {Why}; trying on")]
    public static partial void NotEnrolled(ILogger log, string id, string why);

    [LoggerMessage(117, LogLevel.Information,
        "join token {Id} is not needed any more: this node has its certificate, {File}")]
    public static partial void TokenNotNeeded(ILogger log, string id, string file);

    [LoggerMessage(118, LogLevel.Warning,
        "order {Id} of kvorum user recover is in the data folder; it is done once a majority has it: {What}")]
    public static partial void AccessOrdered(ILogger log, Guid id, string what);

    [LoggerMessage(119, LogLevel.Warning, "order {Id} of kvorum user recover waits: {Why}")]
    public static partial void AccessOrderWaits(ILogger log, Guid id, string why);

    [LoggerMessage(131, LogLevel.Warning, "order {Id} of kvorum user recover is done: {What}")]
    public static partial void AccessRecovered(ILogger log, Guid id, string what);

    [LoggerMessage(132, LogLevel.Error, "kvorum user recover: {Why}")]
    public static partial void AccessOrderRefused(ILogger log, string why);

    [LoggerMessage(1, LogLevel.Information,
        "{Name} (id {Id}, {Cluster}) starts: {Members} member(s), data in {Folder}")]
    public static partial void Starting(
        ILogger log, string name, Guid id, string cluster, int members, string folder);

    [LoggerMessage(
        2, LogLevel.Information, "{Name} serves clients on {Client}, HTTP on {Http}, nodes on {Peer}")]
    public static partial void Serving(ILogger log, string name, string client, string http, string peer);

    [LoggerMessage(3, LogLevel.Information, "{Name} is ready: every partition has a leader")]
    public static partial void Ready(ILogger log, string name);

    [LoggerMessage(4, LogLevel.Warning, "{Name} is not ready yet: {Reason}")]
    public static partial void NotReady(ILogger log, string name, string reason);

    [LoggerMessage(5, LogLevel.Information,
        "{Name} is shutting down: it hands over what it leads and finishes what is under way")]
    public static partial void Stopping(ILogger log, string name);

    [LoggerMessage(6, LogLevel.Information, "{Name} has stopped")]
    public static partial void Stopped(ILogger log, string name);

    [LoggerMessage(7, LogLevel.Warning, "{Advice}")]
    public static partial void Unwise(ILogger log, string advice);

    [LoggerMessage(8, LogLevel.Information,
        "memory: {Limit} MiB ({Source}), of it {MemTables} MiB for memtables and {Cache} MiB for blocks of "
        + "tables")]
    public static partial void Memory(ILogger log, long limit, string source, long memTables, long cache);

    [LoggerMessage(9, LogLevel.Information,
        "open files: {Limit} at most; connections are taken while fewer than {Below} are open")]
    public static partial void OpenFiles(ILogger log, long limit, long below);

    [LoggerMessage(20, LogLevel.Information, "[{Keyspace}/{Partition}] {Name} became {Role} in term {Term}")]
    public static partial void MetaRole(
        ILogger log, string keyspace, uint partition, string name, string role, ulong term);

    [LoggerMessage(21, LogLevel.Information,
        "[{Keyspace}/{Partition}] {Name} stepping down in term {Term}, leader is now {Leader}")]
    public static partial void MetaStepDown(
        ILogger log, string keyspace, uint partition, string name, ulong term, string leader);

    [LoggerMessage(22, LogLevel.Debug, "[{Keyspace}/{Partition}] {Name} became {Role} in term {Term}")]
    public static partial void PartitionRole(
        ILogger log, string keyspace, uint partition, string name, string role, ulong term);

    [LoggerMessage(23, LogLevel.Debug,
        "[{Keyspace}/{Partition}] {Name} stepping down in term {Term}, leader is now {Leader}")]
    public static partial void PartitionStepDown(
        ILogger log, string keyspace, uint partition, string name, ulong term, string leader);

    [LoggerMessage(
        25, LogLevel.Critical, "{Name} cannot go on and ends without acknowledging anything more: {Message}")]
    public static partial void Fatal(ILogger log, string name, string message, Exception? cause);
}
