namespace Kvorum.Server.Hosting;

/// <summary>The server cannot start; the message names the value at fault and the remedy.</summary>
public sealed class ServerStartException(string message) : Exception(message);
