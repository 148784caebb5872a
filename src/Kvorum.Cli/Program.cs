using Kvorum.Cli.OwnProcess;

namespace Kvorum.Cli;

/// <summary>The kvorum program: the way in.</summary>
internal static class Program
{
    /// <summary>Runs one command; 0 done, 1 not done, 2 wrongly asked.</summary>
    public static async Task<int> Main(string[] args)
    {
        // Not only the verb: a key named so costs a moment, a node without it costs every write.
        if (args.Any(argument => argument is "start" or "server"))
            CollectorSettings.Apply();
        // Read by the runtime when the first socket is made: completions then run on the socket's own thread,
        // which spares each message a hop to the thread pool, about half of its cost.
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        return await KvorumProgram.Run(args, Console.Out, Console.Error).ConfigureAwait(false);
    }
}
