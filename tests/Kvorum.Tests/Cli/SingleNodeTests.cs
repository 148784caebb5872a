using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Kvorum.Tests.Cli;

public class SingleNodeTests
{
    [Fact]
    public async Task Every_command_prints_what_it_promises()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await server.Says("is ready");
        await Prints(0, "ok=true leader=\"\"", "-addr", place.Addr, "put", "username", "john_doe");
        await Prints(0, "value=\"john_doe\"", "get", "username", "--addr", place.Addr);
        await Prints(1, "key \"nonexistent\" not found", "get", "nonexistent", "--addr", place.Addr);
        await Prints(0, "ok=true leader=\"\"", "del", "username", "--addr", place.Addr);
        await Prints(1, "key \"username\" not found", "get", "username", "--addr", place.Addr);
        await Prints(0, "ok=true leader=\"\"", "-addr", place.Addr, "-client", "me", "-req", "1", "put", "k",
            "value1");
        await Prints(
            0, "ok=true leader=\"\"", "-addr", place.Addr, "-client", "me", "-req", "1", "put", "k", "other");
        await Prints(0, "value=\"value1\"", "get", "k", "--addr", place.Addr);
        await Prints(
            0, "ok=true leader=\"\"", "put", "--no-redirect", "--addr", place.Addr, " k ", "quote \" me");
        await Prints(0, "value=\"quote \\\" me\"", "get", " k ", "--addr", place.Addr);

        var (code, health, _) = await KvorumProcess.Run("-addr", place.Addr, "health");
        Assert.Equal(0, code);
        Assert.Matches("^node_id=node-1 is_leader=true term=[0-9]+\n$", health);

        var (statusCode, status, _) = await KvorumProcess.Run("status", "--addr", place.Addr);
        Assert.Equal(0, statusCode);
        Assert.Contains("node-1", status, StringComparison.Ordinal);
        Assert.Contains("1 of 1 members up, tolerates 0 failure(s)", status, StringComparison.Ordinal);

        // One user's key, about: the metadata group has some of its own.
        Assert.Matches("node-1 +│ up +│ 64 +│ leader +│ 2 ", status);
        await NamesAreAsInHttp(place);

        var (_, json, _) = await KvorumProcess.Run("get", "k", "--json", "--addr", place.Addr);
        using var parsed = JsonDocument.Parse(json);
        Assert.Equal("value1", parsed.RootElement.GetProperty("value").GetString());
    }

    private static async Task NamesAreAsInHttp(ServerPlace place)
    {
        using var http = new HttpClient();
        using var asked = JsonDocument.Parse(await http.GetStringAsync(
            $"http://{place.HttpAddr}/v1/status", TestContext.Current.CancellationToken));
        string[] expected = [.. Names(asked.RootElement).Order(StringComparer.Ordinal)];
        Assert.Contains("node_id", expected);
        Assert.Contains("partitions.follower_lag", expected);
        foreach (var command in (string[])["status", "health"])
        {
            var (code, json, _) = await KvorumProcess.Run(command, "--json", "--addr", place.Addr);
            Assert.Equal(0, code);
            using var parsed = JsonDocument.Parse(json);
            Assert.Equal(expected, Names(parsed.RootElement).Order(StringComparer.Ordinal));
        }
    }

    private static IEnumerable<string> Names(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member =>
            (string[])[member.Name, .. Names(member.Value).Select(name => $"{member.Name}.{name}")])
            .Distinct(),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Names).Distinct(),
        _ => [],
    };

    [Fact]
    public async Task A_node_runs_with_a_small_young_generation_and_under_the_same_process_id()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", .. place.Flags]);
        await server.Says("is ready");
        var environment = await File.ReadAllTextAsync(
            $"/proc/{server.Id}/environ", TestContext.Current.CancellationToken);
        Assert.Contains("DOTNET_GCgen0size=0x400000\0", environment, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", "3")]
    [InlineData("normal", "0")]
    public async Task Threads_queue_or_interrupt_as_the_flag_says(string scheduling, string policy)
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--scheduling", scheduling, .. place.Flags]);
        await server.Says("is ready");
        // A busy machine may make them interrupt for a while.
        await Eventually.Holds(
            () => PoliciesOf(server.Id) is [_, ..] found && found.All(one => one == policy), seconds: 60);
    }

    // The 41st field (proc(5), stat), counted behind the name, which may hold spaces. None if a thread ended
    // while it was looked at.
    private static List<string> PoliciesOf(int process)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{process}/task")
                .Where(static thread => File.ReadAllText($"{thread}/comm")
                    .StartsWith("kvorum-", StringComparison.Ordinal))
                .Select(thread => File.ReadAllText($"{thread}/stat").Split(')')[^1].Split(' ')[39])
                .ToList();
        }
        catch (IOException)
        {
            return [];
        }
    }

    [Fact]
    public async Task What_was_written_is_there_after_sigterm_and_after_kill()
    {
        using var place = ServerPlace.Free(1)[0];
        await using (var first = KvorumProcess.Start(["start", .. place.Flags]))
        {
            await first.Says("is ready");
            await Prints(0, "ok=true leader=\"\"", "put", "a", "1", "--addr", place.Addr);
            first.Terminate();
            Assert.Equal(0, await first.Exit());
            Assert.Contains("has stopped", first.Output, StringComparison.Ordinal);
        }

        await using (var second = KvorumProcess.Start(["start", .. place.Flags]))
        {
            await second.Says("is ready");
            await Prints(0, "value=\"1\"", "get", "a", "--addr", place.Addr);
            await Prints(0, "ok=true leader=\"\"", "put", "b", "2", "--addr", place.Addr);
            second.Kill();
            await second.Exit();
        }

        await using var third = KvorumProcess.Start(["start", .. place.Flags]);
        await third.Says("is ready");
        await Prints(0, "value=\"1\"", "get", "a", "--addr", place.Addr);
        await Prints(0, "value=\"2\"", "get", "b", "--addr", place.Addr);
    }

    [Fact]
    public async Task A_second_server_on_the_same_folder_or_with_another_name_is_refused()
    {
        var places = ServerPlace.Free(2);
        using var place = places[0];
        using var other = places[1];
        await using (var first = KvorumProcess.Start(["start", "--id", "node-a", .. place.Flags]))
        {
            await first.Says("is ready");
            await Refuses($"{place.Folder} is in use by another process",
                ["start", "--id", "node-a", .. (other with { Folder = place.Folder }).Flags]);
            first.Terminate();
            Assert.Equal(0, await first.Exit());
        }

        await Refuses("the data folder belongs to node node-a", ["start", "--id", "node-b", .. place.Flags]);
        await Refuses("--partitions is 8, but was 64",
            ["start", "--id", "node-a", "--partitions", "8", .. place.Flags]);
    }

    [Fact]
    public async Task A_later_start_ignores_members_that_the_folder_does_not_know_and_needs_no_name()
    {
        using var place = ServerPlace.Free(1)[0];
        await using (var first = KvorumProcess.Start(["start", "--id", "node-a", .. place.Flags]))
        {
            await first.Says("is ready");
            await Prints(0, "ok=true leader=\"\"", "put", "a", "1", "--addr", place.Addr);
            first.Terminate();
            Assert.Equal(0, await first.Exit());
        }

        await using var second = KvorumProcess.Start(
            ["start", "--peers", "node-b@127.0.0.1:1,node-c@127.0.0.1:2", .. place.Flags]);
        await second.Says("--peers names node-b@127.0.0.1:1, node-c@127.0.0.1:2");
        await second.Says("node-a");
        await second.Says("is ready");
        await Prints(0, "value=\"1\"", "get", "a", "--addr", place.Addr);
    }

    [Theory]
    [InlineData("--addr")]
    [InlineData("--http-addr")]
    [InlineData("--peer-addr")]
    public async Task A_port_in_use_is_named_with_its_flag(string flag)
    {
        using var place = ServerPlace.Free(1)[0];
        using var busy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var port = flag switch { "--addr" => place.Client, "--http-addr" => place.Http, _ => place.Peer };
        busy.Bind(new IPEndPoint(IPAddress.Loopback, port));
        busy.Listen();
        await Refuses(
            $"{flag} 127.0.0.1:{port}: the port is in use", ["start", "--port-wait", "0s", .. place.Flags]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.Folder));
    }

    [Fact]
    public async Task A_port_that_an_outgoing_connection_has_is_waited_for_with_words()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var outgoing = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            LingerState = new(enable: true, 0), // or its port would rest for a while, when it is closed
        };
        await outgoing.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        using var place = ServerPlace.Free(1)[0] with { Peer = ((IPEndPoint)outgoing.LocalEndPoint!).Port };
        await using var server = KvorumProcess.Start(["start", "--port-wait", "2m", .. place.Flags]);
        await server.Says($"--peer-addr 127.0.0.1:{place.Peer}: the port is in use");
        Assert.Empty(Directory.EnumerateFileSystemEntries(place.Folder));
        outgoing.Dispose();
        await server.Says("is ready");
    }

    [Fact]
    public async Task A_node_that_waits_for_a_port_can_be_told_to_end()
    {
        using var place = ServerPlace.Free(1)[0];
        using var busy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        busy.Bind(new IPEndPoint(IPAddress.Loopback, place.Http));
        busy.Listen();
        await using var server = KvorumProcess.Start(["start", "--port-wait", "10m", .. place.Flags]);
        await server.Says("waiting for it, 600 s at most");
        server.Terminate();
        Assert.Equal(0, await server.Exit());
        Assert.Equal("", server.Errors);
    }

    [Fact]
    public async Task A_hang_up_ends_a_node_as_cleanly_as_sigterm_however_often_it_comes()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", .. place.Flags]);
        await server.Says("is ready");
        server.HangUp();
        server.HangUp();
        Assert.Equal(0, await server.Exit());
        Assert.Contains(
            "is shutting down: it hands over what it leads", server.Output, StringComparison.Ordinal);
        Assert.Contains("has stopped", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_is_not_there_is_one_clear_line()
    {
        using var place = ServerPlace.Free(1)[0];
        var (code, output, errors) =
            await KvorumProcess.Run("get", "k", "--addr", place.Addr, "--timeout", "300ms");
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(place.Addr, errors, StringComparison.Ordinal);
        Assert.Contains("--addr", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    internal static async Task Prints(int code, string line, params string[] args)
    {
        var result = await KvorumProcess.Run(args);
        Assert.Equal((code, line + "\n", ""), (result.Code, result.Output, result.Errors));
    }

    private static async Task Refuses(string why, string[] args)
    {
        var (code, _, errors) = await KvorumProcess.Run(args);
        Assert.Contains(why, errors, StringComparison.Ordinal);
        Assert.Equal(1, code);
    }
}
