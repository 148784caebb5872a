using System.CommandLine;
using Kvorum.Cli.Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.OwnProcess;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Microsoft.Extensions.Logging;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum start</c>: runs a node until it is told to end.</summary>
internal static class StartCommand
{
    public static Command Create()
    {
        var flags = new StartFlags();
        var command = new Command(
            "start", "Runs a node. Without flags: a working cluster of one, data in ./kvorum-data.");
        command.Aliases.Add("server");
        flags.AddTo(command);
        command.SetAction((parsed, _) => Run(
            StartVariables.Read(
                flags.Read(parsed), flag => StartFlags.IsGiven(parsed, flag),
                Environment.GetEnvironmentVariable),
            parsed.GetValue(flags.Secure),
            GivenJoinToken.Read(
                StartFlags.IsGiven(parsed, flags.JoinTokenFile.Name), parsed.GetValue(flags.JoinTokenFile)!,
                Environment.GetEnvironmentVariable),
            parsed.GetValue(flags.LogLevel)!,
            parsed.GetValue(flags.UntilStdinEnds),
            parsed.GetValue(flags.Scheduling) == "auto", parsed.InvocationConfiguration.Error));
        return command;
    }

    private static async Task<int> Run(
        StartVariables settings, bool isSecure, JoinToken? token, string level, bool untilStdinEnds,
        bool choosesScheduling, TextWriter errors)
    {
        using var logging = Logging(level);
        HeapPages.KeepLarge();
        using var scheduling = choosesScheduling ? ThreadScheduling.Begin() : null;
        using var end = new EndSignals();
        var options = isSecure ? SecureStart.Apply(settings.Options, errors) : settings.Options;
        options = Enrolment.Apply(options with { JoinToken = token });
        string[] broken = [.. settings.Broken, .. options.Validate().Select(settings.Explain)];
        if (broken.Length > 0)
            return await Fail(errors, broken, ExitCode.Usage).ConfigureAwait(false);
        try
        {
            await using var server =
                await KvorumServer.StartAsync(options, logging, end.Token).ConfigureAwait(false);
            if (untilStdinEnds)
                end.WatchStdin();
            var first = await Task.WhenAny(end.First, server.Failed).ConfigureAwait(false);
            if (first == server.Failed)
            {
                // Files and threads are in an unknown state: nothing more is written, and nothing was
                // acknowledged.
                logging.Dispose();
                Environment.Exit(ExitCode.NotOk);
            }

            await server.StopAsync().ConfigureAwait(false);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            return ExitCode.Ok; // It was told to end before it had its ports.
        }
        catch (ServerStartException e)
        {
            var sentences = e.Message.Split(Environment.NewLine).Select(settings.Explain);
            return await Fail(errors, sentences, ExitCode.NotOk).ConfigureAwait(false);
        }
    }

    private static async Task<int> Fail(TextWriter errors, IEnumerable<string> sentences, int code)
    {
        foreach (var sentence in sentences)
            await errors.WriteLineAsync($"kvorum start: {sentence}").ConfigureAwait(false);
        return code;
    }

    private static ILoggerFactory Logging(string level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(Enum.Parse<LogLevel>(level, ignoreCase: true))
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("Grpc", LogLevel.Warning)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        }));
}
