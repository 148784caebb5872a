namespace Kvorum.Tests.Cli;

/// <summary>
/// Closed, full and odd standard streams: what was done is told, by the exit code at least, and never a stack
/// trace.
/// </summary>
public class StreamsTests
{
    [Fact]
    public async Task What_cannot_be_printed_is_told_and_what_was_done_is_done()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", .. place.Flags]);
        await server.Says("is ready");
        const string notPrinted = ": not all was printed; the command itself is done\n";
        await Shell.Prints(3, "", "kvorum put: standard output: it is closed" + notPrinted,
            "k put k 1 >&-", place.Addr);
        await Shell.Prints(0, "value=\"1\"\n", "", "k get k", place.Addr);
        await Shell.Prints(3, "", "kvorum put: standard output: No space left on device" + notPrinted,
            "k put k 2 >/dev/full", place.Addr);
        await Shell.Prints(0, "value=\"2\"\n", "", "k get k 2>&- <&-", place.Addr);
        await Shell.Prints(3, "", "", "k put k 3 >&- 2>&- <&-", place.Addr);
        await Shell.Prints(0, "3", "", "k get k --raw", place.Addr);
        foreach (var command in (string[])["scan", "status", "health", "get k --raw", "status --json"])
        {
            var name = command.Split(' ')[0];
            await Shell.Prints(3, "", $"kvorum {name}: standard output: No space left on device" + notPrinted,
                $"k {command} >/dev/full", place.Addr);
        }

        // An absent key is no value, not even an empty one.
        await Shell.Prints(
            1, "", "kvorum get: key \"none\" not found\n", "k get none --raw", place.Addr);
        // A reader that has seen enough.
        await Shell.Prints(0, "", "", "k get k | true; exit ${PIPESTATUS[0]}", place.Addr);
        Assert.False(server.HasExited);
    }

    [Theory]
    [InlineData("$K put k - <&-", 2, "kvorum put: standard input is closed: nothing was done\n")]
    [InlineData("$K put k --stdin < /", 1, "kvorum put: standard input: Is a directory")]
    [InlineData("$K put k - < /dev/zero", 2, "kvorum put: standard input has more than ")]
    public async Task Standard_input_that_holds_no_value_writes_nothing(string script, int code, string said)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var result = await Shell.Run(script + " --addr 127.0.0.1:1");
        Assert.Equal((code, ""), (result.Code, result.Output));
        Assert.StartsWith(said, result.Errors, StringComparison.Ordinal);
        Assert.Single(result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData(">&- 2>&- <&-")]
    [InlineData(">/dev/full 2>/dev/full </dev/null")]
    public async Task A_node_serves_whatever_becomes_of_its_log(string streams)
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        var flags = string.Join(' ', place.Flags);
        await Shell.Prints(0, "0", "",
            $"$K start {flags} {streams} & node=$!\n"
            + "for i in $(seq 200); do $K put k v --addr $ADDR >/dev/null 2>&1 && break; sleep 0.1; done\n"
            + "for i in 1 2 3; do k put k$i v >/dev/null || exit 1; done\n"
            + "kill -TERM $node; wait $node; echo -n $?", place.Addr);
    }

    [Theory]
    [InlineData("HOME= TERM= $K help")]
    [InlineData("env -i $K version")]
    [InlineData("TERM=nonsense LANG=xx_XX.latin1 LC_ALL=xx $K wal --help")]
    [InlineData("cd $(mktemp -d) && rmdir \"$PWD\" && $K version")]
    public async Task Odd_surroundings_do_no_harm(string script)
    {
        var (code, output, errors) = await Shell.Run(script);
        Assert.True(code == 0, output + errors);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }
}
