using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;

namespace Kvorum.Tests.House;

/// <summary>
/// What a compiled type refers to: the types of its base, fields, parameters and locals, and every member
/// that its instructions name. What the compiler made of a method (closures, iterators) counts for the type
/// that was written.
/// </summary>
public static class References
{
    private const BindingFlags Own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static
        | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>The written types of an assembly, each with all that it refers to.</summary>
    public static ILookup<Type, MemberInfo> Of(Assembly assembly) =>
        assembly.GetTypes()
            .SelectMany(type => Of(type).Select(member => (Written: Outermost(type), Member: member)))
            .Distinct()
            .ToLookup(pair => pair.Written, pair => pair.Member);

    /// <summary>Types and members that one type refers to, nested types not included.</summary>
    public static IEnumerable<MemberInfo> Of(Type type)
    {
        var members = new HashSet<MemberInfo>();
        AddType(members, type.BaseType);
        foreach (var implemented in type.GetInterfaces())
            AddType(members, implemented);
        foreach (var field in type.GetFields(Own))
            AddType(members, field.FieldType);
        foreach (var method in type.GetMethods(Own).Concat<MethodBase>(type.GetConstructors(Own)))
            AddMethod(members, method);
        return members;
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static void AddMethod(HashSet<MemberInfo> members, MethodBase method)
    {
        if (method is MethodInfo { ReturnType: var returned })
            AddType(members, returned);
        foreach (var parameter in method.GetParameters())
            AddType(members, parameter.ParameterType);
        if (method.GetMethodBody() is not { } body)
            return;
        foreach (var local in body.LocalVariables)
            AddType(members, local.LocalType);
        foreach (var token in Tokens(body.GetILAsByteArray()!))
            AddToken(members, method, token);
    }

    private static void AddToken(HashSet<MemberInfo> members, MethodBase method, int token)
    {
        var typeArguments = method.DeclaringType!.GetGenericArguments();
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        var member = method.Module.ResolveMember(token, typeArguments, methodArguments)!;
        if (member is Type type)
        {
            AddType(members, type);
            return;
        }

        members.Add(member);
        AddType(members, member.DeclaringType);
        if (member is MethodInfo { IsGenericMethod: true } generic)
        {
            foreach (var argument in generic.GetGenericArguments())
                AddType(members, argument);
        }
    }

    private static void AddType(HashSet<MemberInfo> members, Type? type)
    {
        if (type is null || type.IsGenericParameter)
            return;
        if (type.HasElementType)
        {
            AddType(members, type.GetElementType());
            return;
        }

        foreach (var argument in type.GetGenericArguments())
            AddType(members, argument);
        members.Add(type.IsGenericType ? type.GetGenericTypeDefinition() : type);
    }

    /// <summary>The metadata tokens in a method's instructions (ECMA-335, partition III).</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            var value = code[at++] is var first && first == 0xfe ? (short)(0xfe00 | code[at++]) : first;
            var operand = OpCodes[value].OperandType;
            if (operand is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType
                or OperandType.InlineTok)
                yield return BinaryPrimitives.ReadInt32LittleEndian(code.AsSpan(at));
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI => 1,
                OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BinaryPrimitives.ReadInt32LittleEndian(code.AsSpan(at))),
                _ => 4,
            };
        }
    }
}
