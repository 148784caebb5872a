using System.CommandLine;
using System.Diagnostics;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>A write, to the leader through the client, or to the named node alone.</summary>
internal static class WriteCall
{
    public static Task<int> Run(
        ParseResult parsed, ClientFlags flags, WriteFlags write, WriteRequest request,
        CancellationToken cancel) =>
        ClientCall.Run(parsed, flags, output => write.NoRedirect(parsed)
            ? ToThisNode(parsed, flags, write, request, output, cancel)
            : ToTheLeader(parsed, flags, write, request, output, cancel));

    private static async Task<int> ToTheLeader(
        ParseResult parsed, ClientFlags flags, WriteFlags write, WriteRequest request, TextWriter output,
        CancellationToken cancel)
    {
        await using var client = flags.Connect(parsed, write.Client(parsed), write.Keyspace(parsed));
        var options = new WriteOptions
        {
            RequestId = write.Request(parsed),
            IfVersion = write.IfVersion(parsed),
            Quorum = write.Quorum(parsed),
            Tried = write.Tried(parsed),
            Timestamp = write.Timestamp(parsed),
            WantsReceipt = write.WantsReceipt(parsed),
            Ttl = request is PutRequest { TtlMs: > 0 } put ? TimeSpan.FromMilliseconds(put.TtlMs) : null,
        };
        var done = request switch
        {
            PutRequest whole =>
                await client.PutAsync(whole.Key, whole.Value, options, cancel).ConfigureAwait(false),
            DeleteRequest => await client.DeleteAsync(request.Key, options, cancel).ConfigureAwait(false),
            _ => throw new UnreachableException($"The client has no call for a {request.Kind}."),
        };
        await output.WriteLineAsync(KeyOutput.OfWrite(done, flags.IsJson(parsed))).ConfigureAwait(false);
        return ExitCode.Ok;
    }

    private static async Task<int> ToThisNode(
        ParseResult parsed, ClientFlags flags, WriteFlags write, WriteRequest request, TextWriter output,
        CancellationToken cancel)
    {
        var whole = request with
        {
            Keyspace = write.Keyspace(parsed),
            ClientId = write.Client(parsed),
            RequestId = write.Request(parsed),
            IfVersion = write.IfVersion(parsed),
            Quorum = write.Quorum(parsed),
            Tried = write.Tried(parsed),
            Timestamp = write.Timestamp(parsed) ?? 0,
            WantsReceipt = write.WantsReceipt(parsed),
            NoRedirect = true,
        };
        await using var client = flags.Connect(parsed);
        var reply = await client.AskNodeAsync(
            flags.Addresses(parsed)[0], whole, cancellationToken: cancel).ConfigureAwait(false);
        var isJson = flags.IsJson(parsed);
        if (reply.Status is not (ReplyStatus.Ok or ReplyStatus.NotLeader))
        {
            throw new KvorumException(
                reply.Status, reply.Message, RetryTable.AdviceOf(reply.Status, whole));
        }

        var isDone = reply.Status == ReplyStatus.Ok;
        var line = isDone
            ? KeyOutput.OfWrite(
                new(reply.Version, false, default, reply.Replayed) { Receipt = reply.Receipt }, isJson)
            : KeyOutput.OfRefusal(reply, isJson);
        await output.WriteLineAsync(line).ConfigureAwait(false);
        return isDone ? ExitCode.Ok : ExitCode.NotOk;
    }
}
