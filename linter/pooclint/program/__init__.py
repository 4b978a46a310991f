"""What a program says about itself: names, types, values, and who calls whom. Nothing here follows control flow.

Names:
    walk, scopes        what one walk over a file finds: scopes, bindings, functions, classes
    partials            functions that a call of `functools.partial` makes
    places, modules     where the modules of a project stand, and what has been parsed of them
    exports             which names of a module are worth a parse
    sieve               which files hold nothing, told without a parser
    names               look-up of all that follows, up to `modelled_calls`
    imports             qualified names, and what they lead to in other modules
    definitions         functions, classes, bases, methods
    decorators          properties, caches, context managers
    annotations         the types that annotations name
    injections          what a framework passes to a parameter
    forms               how something has a type, or leads to one
    types               types of expressions
    modelled_calls      what the models say of a call
    twins               which of two methods of one name a call means
    circles             answers that lead to themselves
    consulted           what a result rests on

Values:
    literals            what is written out
    keywords            arguments of calls, entries of dictionaries
    objects             what a name leads to, whatever module that is in
    constants, folding  what an expression is worth before the program runs
    partial_texts       texts of which a part is not known
    parameters          what a call gives its parameters
    sql                 kinds of statements

Functions and objects:
    running, callers    which code a call runs, and who calls a function
    importers           which files import a module
    dispatch            methods that a call may mean
    requests            which functions run again and again
    request_holds       what requests keep by a setting
    failing             functions that cannot raise
    threads             what threads of the project's own leave open
    scripts             which functions run once in a process that ends with them
    defaults            `client or Client()`
    supplies            what a decorator of the project gives to what it wraps
    deadlines           limits in time around code
    constructions       calls that build an object with a pool of its own
    homes               where what a function makes goes
    making              where an object is made whose method runs for a request
    lifetimes           how long what a call makes lives
    app_scoped, shared  objects that live as long as the program, and what modules keep
    attributes          how a class uses its attributes
    borrowing           what a class does with what its constructor is given
    look_ups            attributes that are looked up by their names
    invariants          whether an expression has the same value each time
    hosts               which part of an address decides to which host it leads

Pools:
    pools               what is known of a pool
    pool_search         finds them: those that calls make (pool_calls) and those made of settings (pool_settings), as
                        pool_drafts until their figures are known
    pool_identity       which pool an expression stands for
    addresses           where connections lead
"""
