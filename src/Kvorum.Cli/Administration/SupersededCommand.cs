using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Cli.Administration;

/// <summary>
/// <c>kvorum keyspace superseded</c>: the writes that lost against a newer one, as each node counts them.
/// </summary>
internal static class SupersededCommand
{
    public static Command Create()
    {
        var flags = AdminCall.Flags();
        var name = new Argument<string>("name") { Description = "The keyspace, of mode quorum." };
        var command = new Command(
            "superseded",
            "Shows writes that came to a replica after a newer one of the same key: each replica counts its "
            + "own, since its node's start, and lists the newest.")
        {
            name,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var keyspace = parsed.GetValue(name)!;
            var map = await client.MapAsync(cancel).ConfigureAwait(false);
            var mode = map.Keyspaces.FirstOrDefault(one => one.Name == keyspace)?.Mode
                ?? throw new KvorumException(
                    ReplyStatus.UnknownKeyspace, $"no keyspace '{keyspace}'", RetryAdvice.Never);
            if (mode != "quorum")
            {
                throw new KvorumException(
                    ReplyStatus.InvalidArgument,
                    $"keyspace '{keyspace}' is of mode {mode}: its writes have one order, and none is lost "
                        + "to another one unseen",
                    RetryAdvice.Never);
            }

            var isWhole = true;
            foreach (var member in map.Members.OrderBy(static one => one.Name, StringComparer.Ordinal))
            {
                isWhole &= await TellOf(client, member, keyspace, output, flags.IsJson(parsed), cancel)
                    .ConfigureAwait(false);
            }

            return isWhole ? ExitCode.Ok : ExitCode.NotOk;
        }));
        return command;
    }

    private static async Task<bool> TellOf(
        KvorumClient client, MemberInfo member, string keyspace, TextWriter output, bool isJson,
        CancellationToken cancel)
    {
        NodeStatus status;
        try
        {
            (status, _) = await StatusCall.Ask(client, member.ClientAddress, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is KvorumException or IOException or ArgumentException)
        {
            await output.WriteLineAsync(isJson
                ? KeyOutput.Json(json =>
                {
                    json.WriteString("node", member.Name);
                    json.WriteString("error", e.Message);
                })
                : $"{member.Name}: not known: {e.Message}").ConfigureAwait(false);
            return false;
        }

        var replicas = status.Partitions.Where(one => one.Keyspace == keyspace).ToArray();
        await output.WriteLineAsync(isJson
            ? KeyOutput.Json(json =>
            {
                json.WriteString("node", status.Name);
                json.WriteNumber("superseded", replicas.Sum(static one => one.Superseded));
            })
            : $"{status.Name}: {replicas.Sum(static one => one.Superseded)} superseded since its start")
            .ConfigureAwait(false);
        foreach (var replica in replicas)
        {
            foreach (var write in replica.SupersededNewest)
            {
                await output.WriteLineAsync(LineOf(status.Name, replica, write, isJson))
                    .ConfigureAwait(false);
            }
        }

        return true;
    }

    private static string LineOf(string node, PartitionStatus replica, SupersededWrite write, bool isJson)
    {
        var at = DateTimeOffset.FromUnixTimeMilliseconds(write.AtMs)
            .ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        var key = Convert.FromBase64String(write.KeyBase64);
        return !isJson
            ? $"{node} partition={replica.Partition.Value} at={at} "
                + ByteForms.Line("key", key, ByteForm.Text)
                + $"{(write.IsKeyCut ? "..." : "")} lost={write.Lost} won={write.Won}"
            : KeyOutput.Json(json =>
            {
                json.WriteString("node", node);
                json.WriteNumber("partition", replica.Partition.Value);
                json.WriteString("at", at);
                json.WriteString("key_base64", write.KeyBase64);
                json.WriteBoolean("key_cut", write.IsKeyCut);
                json.WriteString("lost", write.Lost);
                json.WriteString("won", write.Won);
            });
    }
}
