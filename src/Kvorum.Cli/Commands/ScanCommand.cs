using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.OwnProcess;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>
/// <c>kvorum scan</c>: the keys of a range, one line each, printed page by page as they come.
/// </summary>
internal static class ScanCommand
{
    public static Command Create()
    {
        var flags = new ClientFlags();
        var prefix = Bound("prefix", "text", "Keys that begin with this");
        var from = Bound("from", "key", "Keys from this one on, inclusive");
        var end = Bound("end", "key", "Keys before this one, exclusive");
        var limit = Flag.Number("--limit", "Keys at most; 0 for all.", 0ul);
        var reverse = Flag.Switch("--reverse", "Greatest key first.");
        var keysOnly = Flag.Switch("--keys-only", "Without values.");
        var form = ByteForms.Option();
        var keyspace = ClientFlags.Keyspace();
        var consistency = ClientFlags.Consistency();
        var quorum = ClientFlags.Quorum("have answered, in each partition");
        var receipt = ClientFlags.Receipt();
        var command = new Command(
            "scan", "Prints keys in order; --timeout is for each page of 256 KiB. None found: exit code 0.");
        foreach (var bound in (BytesFlags[])[prefix, from, end])
            bound.AddTo(command);
        Option[] others = [limit, reverse, keysOnly, form, keyspace, consistency, quorum, receipt];
        foreach (var option in others)
            command.Options.Add(option);
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed, keyspace: parsed.GetValue(keyspace));
            var options = new ScanOptions
            {
                Prefix = prefix.Given(parsed),
                From = from.Given(parsed),
                End = end.Given(parsed),
                Limit = parsed.GetValue(limit),
                Reverse = parsed.GetValue(reverse),
                KeysOnly = parsed.GetValue(keysOnly),
                Consistency = ClientFlags.Freshness(parsed, consistency),
                Quorum = parsed.GetValue(quorum),
                WantsReceipt = parsed.GetValue(receipt),
            };
            var last = await Print(client, options, (CommandOutput)output, found => KeyOutput.OfScan(
                found, options.KeysOnly, ByteForms.Of(parsed, form), flags.IsJson(parsed)), cancel)
                .ConfigureAwait(false);
            if (last is not null)
            {
                await output.WriteLineAsync(KeyOutput.OfReceipt(last, flags.IsJson(parsed)))
                    .ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    private static BytesFlags Bound(string name, string help, string what) =>
        new(name, what, Flag.Text($"--{name}", help, $"{what}. [default: not given]"));

    // Page by page; a page is read only when it will be shown. Gives the last one's receipt.
    private static async Task<Receipt?> Print(
        KvorumClient client, ScanOptions options, CommandOutput output, Func<ScannedKey, string> line,
        CancellationToken cancel)
    {
        var (left, isEnd) = (options.Limit, false);
        Receipt? last = null;
        while (!isEnd)
        {
            var page = await client.ScanPageAsync(options with { Limit = left }, cancel)
                .ConfigureAwait(false);
            output.WriteLines(page.Keys.Select(line));
            last = page.Receipt;
            left = options.Limit == 0 ? 0 : left - (ulong)page.Keys.Count;
            isEnd = page.Token.IsEmpty || (options.Limit > 0 && left == 0) || output.IsBroken;
            options = options with { Token = page.Token };
        }

        return last;
    }
}
