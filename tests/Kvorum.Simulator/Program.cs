using Kvorum.Simulator.Commands;

namespace Kvorum.Simulator;

/// <summary>The simulator as a program.</summary>
internal static class Program
{
    /// <summary>Runs seeds; 0 all promises kept, 1 one is broken, 2 wrongly asked.</summary>
    public static int Main(string[] args) => SimulatorCommand.Run(args, Console.Out, Console.Error);
}
