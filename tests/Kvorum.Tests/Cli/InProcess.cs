using System.Text;
using Kvorum.Cli;
using Kvorum.Cli.OwnProcess;

namespace Kvorum.Tests.Cli;

/// <summary>The program as a function, in this process.</summary>
internal static class InProcess
{
    public static async Task<(int Code, string Output, string Errors)> Run(params string[] args)
    {
        using MemoryStream output = new(), errors = new();
        await using CommandOutput forOutput = new(output), forErrors = new(errors);
        var code = await KvorumProgram.Run(args, forOutput, forErrors);
        return (code, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(errors.ToArray()));
    }
}
