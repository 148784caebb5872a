using Kvorum.Cli.CommandLine;
using Kvorum.Cli.OwnProcess;

namespace Kvorum.Cli;

/// <summary>The kvorum program: the way in.</summary>
internal static class Program
{
    /// <summary>Runs one command; 0 done, 1 not done, 2 wrongly asked, 3 done but not printed.</summary>
    public static async Task<int> Main(string[] args)
    {
        // Not only the verb: a key named so costs a moment, a node without it costs every write.
        if (args.Any(argument => argument is "start" or "server"))
            CollectorSettings.Apply();
        // Read by the runtime when the first socket is made: completions then run on the socket's own thread,
        // which spares each message a hop to the thread pool, about half of its cost.
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        await using var output = CommandOutput.Standard();
        await using var errors = CommandOutput.Errors();
        // The log of a node goes to the console: a failure there must not end the node, nor change its exit
        // code.
        await using var log = CommandOutput.Standard();
        Console.SetOut(log);
        Console.SetError(errors);
        try
        {
            return await KvorumProgram.Run(RawArguments.Read(args), output, errors).ConfigureAwait(false);
        }
        catch (FormatException e)
        {
            await errors.WriteLineAsync($"kvorum: {e.Message}").ConfigureAwait(false);
            return ExitCode.Usage;
        }
    }
}
