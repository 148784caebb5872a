using System.CommandLine;
using System.Security.Cryptography;
using Kvorum.Simulator.Mutants;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Commands;

/// <summary>The command line: one seed with its trace, or many on all cores.</summary>
internal static class SimulatorCommand
{
    /// <summary>All promises were kept.</summary>
    public const int Kept = 0;

    /// <summary>A promise is broken.</summary>
    public const int Broken = 1;

    /// <summary>Asked wrongly.</summary>
    public const int Usage = 2;

    private static readonly Option<ulong?> Seed = new("--seed")
    {
        Description = "Replay this seed and print its trace",
        HelpName = "number",
    };

    private static readonly Option<int?> Runs = new("--runs")
    {
        Description = "Try so many seeds on all cores; stop at the first broken promise",
        HelpName = "number",
    };

    private static readonly Option<ulong?> From = new("--from")
    {
        Description = "The first seed of --runs; drawn at random if left out",
        HelpName = "number",
    };

    private static readonly Option<bool> Swarm = new("--swarm")
    {
        Description = "Draw nodes, partitions, timeouts, sizes and faults from the seed",
    };

    private static readonly Option<bool> Quorums = new("--quorums")
    {
        Description = "As --swarm, with a quorum keyspace in each run",
    };

    private static readonly Option<bool> WithRights = new("--rights")
    {
        Description = "As --swarm, with users, roles and enforced rights in each run",
    };

    private static readonly Option<bool> Recover = new("--recover")
    {
        Description = "Most nodes of each run are lost for good, and the cluster is recovered from the rest",
    };

    private static readonly Option<bool> Encrypted = new("--encrypted")
    {
        Description = "The disks are encrypted; some starts have a newer master key, or switch it off",
    };

    private static readonly Option<int> Seconds = new("--seconds")
    {
        Description = "Simulated seconds of each run, at least",
        HelpName = "number",
        DefaultValueFactory = _ => RunChoice.UsualSeconds,
    };

    private static readonly Option<int> GroupSeconds = new("--seconds")
    {
        Description = "Simulated seconds of each run, at least",
        HelpName = "number",
        DefaultValueFactory = _ => GroupChoice.UsualSeconds,
    };

    private static readonly Option<int> Shown = new("--verbosity")
    {
        Description = "0 outcome, 1 faults and elections, 2 clients too, 3 everything",
        HelpName = "0-3",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<int> Jobs = new("--jobs")
    {
        Description = "Seeds at a time",
        HelpName = "number",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    /// <summary>Parses and runs; returns the exit code.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        var parsed = Create().Parse(args);
        if (parsed.Errors.Count == 0)
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = output,
                Error = errors,
                EnableDefaultExceptionHandler = false,
            });
        }

        foreach (var error in parsed.Errors)
            errors.WriteLine($"sim: {error.Message}");
        errors.WriteLine("Try './sim --help'.");
        return Usage;
    }

    private static RootCommand Create()
    {
        var root = new RootCommand(
            "Runs whole Kvorum clusters on one thread, with simulated disks, network, clocks and processes. "
            + "A seed decides everything: the same seed gives the same trace. "
            + "Exit status: 0 all promises kept, 1 one is broken, 2 wrongly asked.")
        {
            Seed, Runs, From, Swarm, Quorums, WithRights, Recover, Encrypted, Seconds, Shown, Jobs,
        };
        root.Subcommands.Add(CreateGroups());
        root.Subcommands.Add(CreateMutants());
        root.Subcommands.Add(TrialCommands.CreateElections());
        root.Subcommands.Add(TrialCommands.CreateFailovers());
        AtLeast(Runs, 1);
        AtLeast(Jobs, 1);
        AtLeast(Seconds, 1);
        AtLeast(GroupSeconds, 1);
        Shown.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 3)
                result.AddError("--verbosity: give 0, 1, 2 or 3");
        });
        RefuseOneAndMany(root);
        root.SetAction(static parsed => Act(
            parsed,
            new RunChoice(
                parsed.GetValue(Swarm) || parsed.GetValue(Quorums) || parsed.GetValue(WithRights),
                parsed.GetValue(Seconds))
            {
                HasRights = parsed.GetValue(WithRights),
                HasQuorums = parsed.GetValue(Quorums),
                LosesMajority = parsed.GetValue(Recover),
                IsEncrypted = parsed.GetValue(Encrypted),
            }));
        return root;
    }

    private static Command CreateGroups()
    {
        var command = new Command(
            "groups",
            "Runs the Raft core of one group alone, many steps a second: members come and go, leadership is "
            + "handed over, messages overtake each other; the seed draws everything")
        {
            Seed, Runs, From, GroupSeconds, Shown, Jobs,
        };
        RefuseOneAndMany(command);
        command.SetAction(static parsed => Act(parsed, new GroupChoice(parsed.GetValue(GroupSeconds))));
        return command;
    }

    private static void RefuseOneAndMany(Command command) => command.Validators.Add(static result =>
    {
        var forMany = result.GetResult(Runs) is not null || result.GetResult(From) is not null;
        if (result.GetResult(Seed) is not null && forMany)
            result.AddError("give --seed for one run, or --runs and --from for many");
    });

    private static Command CreateMutants()
    {
        var names = new Argument<string[]>("names")
        {
            Description = "Only these",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var seeds = new Option<int>("--runs")
        {
            Description = "Seeds to try for each",
            HelpName = "number",
            DefaultValueFactory = _ => 600,
        };
        AtLeast(seeds, 1);
        var command = new Command(
            "mutants",
            "Builds Kvorum with known bugs, one by one, from a copy of the sources: each must be found")
        {
            names, seeds, Jobs,
        };
        command.SetAction(parsed =>
        {
            var search = new MutantSearch(
                parsed.GetValue(seeds), parsed.GetValue(Jobs), parsed.InvocationConfiguration.Output);
            return search.Run(parsed.GetValue(names) ?? []) ? Kept : Broken;
        });
        return command;
    }

    private static int Act(ParseResult parsed, IRunKind kind)
    {
        var output = parsed.InvocationConfiguration.Output;
        var fresh = (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);
        if (parsed.GetValue(Runs) is { } runs)
        {
            var from = parsed.GetValue(From) ?? fresh;
            return new SeedSearch(kind, from, runs, parsed.GetValue(Jobs), output).Run();
        }

        var seed = parsed.GetValue(Seed) ?? fresh;
        var result = kind.Run(seed, (Verbosity)parsed.GetValue(Shown), output);
        Report.Write(result, kind, output);
        return result.Failure is null ? Kept : Broken;
    }

    private static void AtLeast<T>(Option<T> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<T>() is int given && given < least)
            result.AddError($"{option.Name} {given}: give at least {least}");
    });
}
