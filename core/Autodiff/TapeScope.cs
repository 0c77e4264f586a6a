namespace Hybrid.Autodiff;

/// <summary>
/// A stretch of a pass during which the tape has another mode, or another place in the model; its end restores what was before.
/// </summary>
/// <remarks>
/// If the tape records nothing, the scope of a layer also gives memory back: at its end all but what the layer returns, before it whatever
/// is not needed any more. A tensor whose memory was given back throws when it is used.
/// </remarks>
public sealed class TapeScope<T> : IDisposable where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Tape<T> tape;
    private readonly TapeMode before;
    private readonly Arena<T>.Mark? mark;

    internal TapeScope(Tape<T> tape, TapeMode mode, bool releases = false)
    {
        (this.tape, before) = (tape, tape.Mode);
        tape.Mode = mode;
        mark = releases ? tape.Arena.Begin() : null;
    }

    /// <summary>What the layer returns; in inference all else that was rented in the scope is given back.</summary>
    public Variable<T> Keep(Variable<T> output) => mark is null ? output : Keep([output])[0];

    /// <summary>The same for a layer that returns several, such as the hidden state and the cell of an LSTM.</summary>
    public Variable<T>[] Keep(params Variable<T>[] outputs) => Moved(outputs, goesOn: false);

    /// <summary>
    /// What the layer still needs of all that was computed in it so far; in inference the rest is given back, and the scope goes on.
    /// </summary>
    public Variable<T> Only(Variable<T> needed) => mark is null ? needed : Only([needed])[0];

    /// <summary>The same for several.</summary>
    public Variable<T>[] Only(params Variable<T>[] needed) => Moved(needed, goesOn: true);

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        if (mark is not null) tape.Arena.End(mark, goesOn: false);
        tape.Mode = before;
    }

    private Variable<T>[] Moved(Variable<T>[] variables, bool goesOn)
    {
        if (mark is null) return variables;
        var blocks = tape.Arena.End(mark, goesOn, Array.ConvertAll(variables, variable => variable.Value.Block));
        return [.. variables.Zip(blocks, (variable, block) => variable is Parameter<T> ? variable : variable.MovedTo(block))];
    }
}

/// <summary>What rules are recorded as at the moment.</summary>
internal readonly record struct TapeMode(bool Trains, bool Records, RandomStream? Random, string Place);
